"""``epm match``: decisions of one matcher, as a file or on stdout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from epm.cli.pair_input import read_pair_file
from epm.cli.progress import progress_sink
from epm.config import DEFAULT_STORE


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("match")(match)


def match(
    pairs: Annotated[Path, typer.Argument(help="Pairs: .jsonl, .jsonl.gz, .csv or .parquet; labels are not needed.")], *,
    matcher: Annotated[str, typer.Option(help="NAME or NAME:ARG.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write: .jsonl, .jsonl.gz, .csv or .parquet.")] = None,
    model: Annotated[str | None, typer.Option(help="Model for matchers that ask one: rules, or a litellm name.")] = None,
    api_base: Annotated[str | None, typer.Option(help="Server of the model.")] = None,
    api_key_env: Annotated[str | None, typer.Option(help="Environment variable that holds the key.")] = None,
    identity: Annotated[str, typer.Option(help="What counts as the same: strict, family, per-unit or a .toml file.")] = "strict",
    limit: Annotated[int | None, typer.Option(min=1, help="Read the first N pairs only.")] = None,
    on_bad_row: Annotated[str, typer.Option(help="stop or skip.")] = "stop",
    store: Annotated[Path, typer.Option(help="Run store; holds the model's calls.")] = DEFAULT_STORE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object (needs -o).")] = False,
) -> None:  # fmt: skip
    """Decide every pair. Without -o the decisions go to stdout as JSON Lines."""
    from epm.gateway.request import ModelSettings
    from epm.identity import load_identity_rule
    from epm.match_output import check_output, write_match_result
    from epm.matching import match_pairs, open_context

    if out is not None:
        check_output(out)
    read = read_pair_file(pairs, on_bad_row=on_bad_row, limit=limit).pairs
    settings = None if model is None else ModelSettings(model, api_base=api_base, api_key_env=api_key_env)
    with open_context([matcher], model=settings, identity=load_identity_rule(identity), store=store) as ctx, progress_sink() as sink:
        result = match_pairs(read, matcher, ctx=ctx, on_progress=sink)
    if out is None:
        for row in result.to_rows():
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    write_match_result(out, result)
    summary = {"path": str(out), **result.counts()}
    typer.echo(json.dumps(summary) if as_json else ", ".join(f"{name} {value}" for name, value in summary.items()))
