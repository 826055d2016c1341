"""``epm runs compare A B``: two runs on the pairs that both hold, and where they differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.options import DEFAULT_PLACE, StoreOption
from epm.cli.text_table import show_table
from epm.cli.visible import cut, visible

if TYPE_CHECKING:
    from epm.eval.intervals import Difference, Interval
    from epm.eval.run_comparison import RunComparison, RunSide
    from epm.eval.tables import TextTable

_SAID_ALREADY = frozenset({"matcher", "model", "identity_matching", "identity_statement"})
"""Stand in the lines of A and B, or follow from ``identity``."""
_SETTING_CHARS = 40
"""A whole address of a server; of a hash enough to tell two apart."""
_REASON_CHARS = 160
"""Two lines of a terminal: what 'epm why' shows whole."""


def compare_two(
    a: Annotated[str, typer.Argument(metavar="A", help="A run id or its first characters.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The run that it is compared with.")],
    *,
    show: Annotated[int, typer.Option(min=0, help="Disagreements to print; --json has all of them.")] = 20,
    store: StoreOption = DEFAULT_PLACE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two runs on the pairs with the same id and text in both: figures side by side, paired differences, disagreements.

    Differences are B minus A with 95 % intervals over left and right products. Exit 2 if the runs share no pair.
    """
    from epm.eval.run_comparison import compare_runs, held_run
    from epm.store.store import RunStore

    with RunStore.open_to_read(store) as opened:
        found = compare_runs(held_run(opened, a), held_run(opened, b))
    if as_json:  # ASCII: text of listings and models may hold control and half characters
        typer.echo(json.dumps(found.to_json(), indent=2, allow_nan=False))
        return
    typer.echo("\n".join(_heading(found)) + "\n")
    show_table(_table(found))
    typer.echo("\n" + "\n".join(_disagreement_lines(found, show)))


def _heading(found: RunComparison) -> Iterator[str]:
    for name, side in (("A", found.a), ("B", found.b)):
        told = "; was told the labels, so its figures against gold are no measure of how it decides" if side.is_label_given else ""
        yield f"{name}  run {side.run_id}: {visible(side.matcher)}, model {visible(side.model)}{told}"
    for name, (one, two) in found.differs_in.items():
        if name not in _SAID_ALREADY:
            yield f"differs in {visible(name)}: A {cut(one, _SETTING_CHARS) or 'none'}, B {cut(two, _SETTING_CHARS) or 'none'}"
    left_out = {
        "only in A": found.n_only_a,
        "only in B": found.n_only_b,
        "with other listing text": found.n_other_text,
        "purged": found.n_purged,
    }
    yield f"{found.n:,} pairs in both with the same text; left out: {', '.join(f'{n:,} {what}' for what, n in left_out.items())}"
    if found.n_gold_differs:
        yield f"{found.n_gold_differs:,} pairs have another gold label in A than in B; they are left out of the figures against gold"
    for name, side in (("A", found.a), ("B", found.b)):
        if side.n_cached:
            yield f"{side.n_cached:,} pairs of {name} were answered from the cache alone: what they cost here is not what asking takes"
        if side.n_unpriced:
            yield f"{side.n_unpriced:,} calls of {name} have no known price and are not counted in its cost"


def _table(found: RunComparison) -> TextTable:
    from epm.eval.tables import TextTable

    a, b, gold = found.a, found.b, found.gold
    rows: list[tuple[str, ...]] = [
        (name, f"{one:,}", f"{two:,}", "", "")
        for name, one, two in (
            ("match", a.n_match, b.n_match), ("no_match", a.n_no_match, b.n_no_match), ("undecided", a.n_undecided, b.n_undecided),
            ("failed", a.n_failed, b.n_failed),
        )
    ]  # fmt: skip
    rows += [
        _row("coverage", a.coverage, b.coverage, found.coverage),
        _row("USD per pair", a.cost_usd / found.n, b.cost_usd / found.n, found.cost_usd_per_pair, digits=6),
        _row("tokens per pair", a.n_tokens / found.n, b.n_tokens / found.n, found.tokens_per_pair, digits=1),
        _row("seconds per pair", a.seconds_per_pair, b.seconds_per_pair, found.seconds_per_pair),
    ]
    if gold is not None:
        rows += [
            (f"labelled pairs ({gold.n:,})", "", "", "", ""),
            _row("F1", _f1(a), _f1(b), gold.f1),
            _row("accuracy", _accuracy(a), _accuracy(b), gold.accuracy),
            ("right where the other is wrong", f"{gold.n_only_a_right:,}", f"{gold.n_only_b_right:,}", "", ""),
        ]
    return TextTable(("", "A", "B", "B - A", "95 %"), tuple(rows))


def _row(name: str, a: float | None, b: float | None, difference: Difference, *, digits: int = 3) -> tuple[str, ...]:
    change = "-" if difference.value is None else f"{difference.value:+,.{digits}f}"
    return name, _figure(a, digits), _figure(b, digits), change, _interval(difference.ci95, f"+,.{digits}f")


def _disagreement_lines(found: RunComparison, n_shown: int) -> Iterator[str]:
    n = len(found.disagreements)
    yield f"the same label, or none from either, on {found.n - n:,} of {found.n:,}: {found.agreement:.3f} {_interval(found.agreement_ci95, '.3f')}"
    for one in found.disagreements[:n_shown]:
        gold = f"  (gold {one.gold})" if one.gold is not None else ""
        yield f"{visible(one.pair_id)}: A {one.a}, B {one.b}{gold}"
        yield f"    A: {cut(one.a_reason, _REASON_CHARS) or 'gave no reason'}"
        yield f"    B: {cut(one.b_reason, _REASON_CHARS) or 'gave no reason'}"
    if n > n_shown:
        yield f"… {n - n_shown:,} more disagreements: --show {n}, or --json"


def _f1(side: RunSide) -> float | None:
    return None if side.gold is None else side.gold.f1


def _accuracy(side: RunSide) -> float | None:
    return None if side.gold is None else side.gold.accuracy


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _interval(bounds: Interval | None, form: str) -> str:
    return "-" if bounds is None else f"[{bounds[0]:{form}}, {bounds[1]:{form}}]"
