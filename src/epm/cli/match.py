"""``epm match``: decisions of one matcher, as a file or on stdout."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.asking import Asking
from epm.cli.bounded import bounded
from epm.cli.money import Money
from epm.cli.option_groups import with_options
from epm.cli.options import (
    BadRow,
    Identity,
    Limit,
    Model,
    ModelsStore,
    OnBadRow,
    first_error,
    is_only_asked_for,
    matching_context,
    refuse_total_failure,
)
from epm.cli.pair_input import read_pair_file
from epm.cli.panels import OUTPUT, PanelCommand
from epm.cli.progress import progress_sink
from epm.errors import BudgetError

if TYPE_CHECKING:
    from epm.matching import MatchResult


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("match", cls=PanelCommand)(bounded(with_options(asking=Asking, money=Money)(match), is_traceable=True))


def _keep(result: MatchResult, out: Path | None, *, n_pairs: int) -> str:
    """How many pairs were decided before the cap, which are written where a file was named."""
    from epm.match_output import write_match_result

    decided = f"{len(result):,} of {n_pairs:,} pairs decided"
    if out is None:
        return f"{decided}, none printed (-o FILE would hold them)"
    if not len(result):
        return f"{decided}, nothing written"
    write_match_result(out, result)
    return f"{decided}, and these alone written to {str(out)!r}"


def match(
    pairs: Annotated[Path, typer.Argument(help="Pairs: .jsonl, .jsonl.gz, .csv or .parquet; labels are not needed.")], *,
    matcher: Annotated[str, typer.Option(help="NAME or NAME:ARG.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write: .jsonl, .jsonl.gz, .csv or .parquet.", rich_help_panel=OUTPUT)] = None,
    model: Model = None, identity: Identity = "strict", limit: Limit = None,
    on_bad_row: OnBadRow = BadRow.STOP, store: ModelsStore = None, asking: Asking, money: Money,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object (needs -o).", rich_help_panel=OUTPUT)] = False,
) -> None:  # fmt: skip
    """Decide every pair. Without -o the decisions go to stdout as JSON Lines."""
    from epm.match_output import check_output, write_match_result
    from epm.matching import MatchCutError, match_pairs

    if out is not None:
        check_output(
            out, inputs=[pairs, None if store is None else store.path, Path(matcher.partition(":")[2])]
        )  # some matchers read a file
    read = read_pair_file(pairs, on_bad_row=on_bad_row, limit=limit).pairs
    context = matching_context([matcher], model=model, asking=asking, identity=identity, store=store, money=money)
    with context as ctx, progress_sink() as sink:
        if is_only_asked_for(money, read, [matcher], ctx=ctx, as_json=as_json, on_progress=sink):
            return
        try:
            result = match_pairs(read, matcher, ctx=ctx, on_progress=sink)
        except MatchCutError as cut:
            raise BudgetError(f"{_keep(cut.result, out, n_pairs=len(read))}; {cut}") from cut
    if out is None:
        for row in result.to_rows():
            typer.echo(json.dumps(row, ensure_ascii=False))
    else:
        write_match_result(out, result)
        summary = {"path": str(out), **result.counts()}
        typer.echo(json.dumps(summary) if as_json else ", ".join(f"{name} {value}" for name, value in summary.items()))
    failed = [decision for decision in result if decision.error_class is not None]
    by_class = Counter(decision.error_class.value for decision in failed if decision.error_class is not None)
    refuse_total_failure(by_class, len(read), first_error(failed[0].pair_id, failed[0].error) if failed else "")
