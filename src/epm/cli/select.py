"""``epm select``: of many candidate pairs those worth paying for, each with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.options import BadRow, Identity, OnBadRow
from epm.cli.pair_input import read_pair_file
from epm.cli.progress import progress_sink
from epm.cli.streams import note

if TYPE_CHECKING:
    from epm.selection.selection import Selection

_MATCHERS = ("evidence-rules", "model-token")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("select")(select)


def select(
    candidates: Annotated[Path, typer.Argument(help="Pairs: .jsonl, .jsonl.gz, .csv or .parquet. Gold labels are not read.")], *,
    n: Annotated[int, typer.Option("--n", min=1, help="How many pairs to choose.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Pair file of the chosen ones, with reason and scores: 'epm teach' takes it.")],
    matcher: Annotated[list[str] | None, typer.Option(help=f"A cheap matcher, NAME or NAME:ARG; repeat. Default: {' and '.join(_MATCHERS)}.")] = None,
    weight: Annotated[list[str] | None, typer.Option(help="uncertainty, disagreement, value or diversity=NUMBER; repeat. What is not named counts 0. Default: 1 each.")] = None,
    value: Annotated[str | None, typer.Option(help="Number column that says what a pair is worth: of the pairs, or of their listings.")] = None,
    random_share: Annotated[float, typer.Option(help="Share of N drawn from all candidates alike, for unbiased estimates.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Of the random pairs, and of ties.")] = 0,
    identity: Identity = "strict",
    on_bad_row: OnBadRow = BadRow.STOP,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Choose pairs for 'epm teach' by what cheap matchers leave open, by value and by variety. Asks no model."""
    from epm.files.pairs import write_pairs
    from epm.identity import load_identity_rule
    from epm.match_output import check_output
    from epm.matcher import MatchContext
    from epm.registry import make_matcher
    from epm.selection.policy import SelectionPolicy, default_weights, parse_weights
    from epm.selection.selection import select as choose

    specs = matcher or list(_MATCHERS)
    weights = parse_weights(weight) if weight else default_weights(n_matchers=len(specs), has_value=value is not None)
    policy = SelectionPolicy(n, weights, random_share=random_share, seed=seed)
    check_output(out, inputs=[candidates, *(Path(spec.partition(":")[2]) for spec in specs)])
    ctx, made = MatchContext(identity=load_identity_rule(identity), seed=seed), [make_matcher(spec) for spec in specs]
    read = read_pair_file(candidates, on_bad_row=on_bad_row)
    with progress_sink() as sink:
        found = choose(read.pairs, policy, matchers=made, value_column=value, ctx=ctx, on_progress=sink)
    write_pairs(out, found.pairs())
    _tell(found, n)
    figures = {"path": str(out), **found.figures()}
    typer.echo(json.dumps(figures) if as_json else _text(figures))


def _tell(found: Selection, n: int) -> None:
    """Say on stderr what the choice lacks."""
    if len(found.chosen) < n:
        note(
            f"epm: note: {len(found.chosen)} of {n} pairs chosen: all others are near-duplicates of them; diversity=0 takes them too",
        )
    if found.n_without_value:
        note(
            f"epm: note: {found.n_without_value} of {found.n_candidates} candidates have no number in the value column; they count as the lowest",
        )
    for name, n_failed in found.n_failed.items():
        if n_failed:
            note(f"epm: note: {name} failed on {n_failed} candidates; they are judged by the other signals")


def _text(figures: dict[str, object]) -> str:
    flat = {name: value for name, value in figures.items() if name != "means" and value is not None}
    lines = [f"{name:20s} {value:.4f}" if isinstance(value, float) else f"{name:20s} {_spelt(value)}" for name, value in flat.items()]
    means = figures["means"]
    return "\n".join([*lines, *(f"mean {name:15s} {_spelt(value)}" for name, value in means.items())] if isinstance(means, dict) else lines)


def _spelt(value: object) -> str:
    return ", ".join(f"{name} {item}" for name, item in value.items()) if isinstance(value, dict) else str(value)
