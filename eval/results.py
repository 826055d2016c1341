"""What a report shows, as typed JSON-able values: the results of the whole road.

results = DemoResults(title="Demo", created_at="2026-11-21T12:00:00+00:00", epm_version="0.1.0", headline=table)
write_results_json(Path("results.json"), results)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from epm.decision import Decision
from epm.eval.bench import BenchReport, BenchRow, MatcherResult
from epm.eval.metrics import precision_recall_curve
from epm.files.atomic import write_text
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Rationale
from epm.relation import Label, Relation

_MAX_CURVE_POINTS = 160
_MAX_TEXT_CHARS = 600


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BenchTable(_Part):
    """A bench table: which pairs, what kind of split, and the rows."""

    title: str
    pairs: str
    split_kind: str | None = None
    n_unlabelled: int = 0
    rows: tuple[BenchRow, ...]


class Link(_Part):
    """One link of the road and how good it is. ``against`` says what it was measured with, e.g. gold."""

    link: str
    figure: str
    against: str
    value: float | None
    ci95: tuple[float, float] | None = None
    n: int
    note: str = ""


class Curve(_Part):
    """A precision-recall curve: points ``(recall, precision)``, both in [0, 1]."""

    matcher: str
    auprc: float | None
    points: tuple[tuple[float, float], ...]


class Probe(_Part):
    """Means on a fixed set of prompts before and after a training step, and their paired difference."""

    name: str
    n: int
    before: float
    after: float
    difference: float | None
    ci95: tuple[float, float] | None
    note: str = ""


class Verdicts(_Part):
    """What one matcher said about an example pair."""

    matcher: str
    label: Label | None
    relation: Relation | None = None
    probability: float | None = None
    outcome: str
    rationale: Rationale | None = None


class Example(_Part):
    """A pair as it was shown to the matchers: each side as (field, text), and their verdicts."""

    pair_id: str
    caption: str = ""
    gold_label: Label | None
    left: tuple[tuple[str, str], ...]
    right: tuple[tuple[str, str], ...]
    verdicts: tuple[Verdicts, ...]


class RunCard(_Part):
    """One stage of the road: how long it took and what it ran with."""

    stage: str
    seconds: float
    details: dict[str, str] = {}


class DemoResults(_Part):
    """Everything that ``report.html`` shows and ``results.json`` holds."""

    title: str
    created_at: str
    epm_version: str
    lead: str = ""
    headline: BenchTable
    links: tuple[Link, ...] = ()
    curves: tuple[Curve, ...] = ()
    probes: tuple[Probe, ...] = ()
    examples: tuple[Example, ...] = ()
    failures: dict[str, dict[str, int]] = {}
    run_cards: tuple[RunCard, ...] = ()
    not_run: tuple[str, ...] = ()


def bench_table(report: BenchReport, *, title: str, pairs: str) -> BenchTable:
    """The table of a bench report; ``pairs`` says in words what was evaluated."""
    kind = None if report.leakage is None else f"{report.leakage.kind} with the validation pairs"
    return BenchTable(title=title, pairs=pairs, split_kind=kind, n_unlabelled=report.n_unlabelled, rows=report.rows)


def curve_of(result: MatcherResult) -> Curve | None:
    """The precision-recall curve of a benched matcher, thinned for drawing; ``None`` when it gives no probabilities."""
    curve = precision_recall_curve(result.outcomes.gold, result.outcomes.scores)
    if curve is None:
        return None
    step = max(1, -(-curve.recall.size // _MAX_CURVE_POINTS))
    kept = sorted({*range(0, curve.recall.size, step), curve.recall.size - 1})
    points = tuple((float(curve.recall[i]), float(curve.precision[i])) for i in kept)
    return Curve(matcher=result.row.matcher, auprc=result.row.auprc, points=points)


def failures_of(results: Sequence[MatcherResult]) -> dict[str, dict[str, int]]:
    """Failed pairs by error class of every matcher that had some."""
    return {result.row.matcher: dict(result.failures) for result in results if result.failures}


def example_of(pair: Pair, decisions: Mapping[str, Decision], *, caption: str = "") -> Example:
    """An example pair with the verdicts of matchers by name; long texts are cut."""
    verdicts = tuple(
        Verdicts(
            matcher=name, label=d.label, relation=d.relation, probability=d.probability, outcome=d.outcome.value, rationale=d.rationale
        )
        for name, d in decisions.items()
    )
    return Example(
        pair_id=pair.id, caption=caption, gold_label=pair.gold_label, left=_shown(pair.left), right=_shown(pair.right), verdicts=verdicts
    )


def write_results_json(path: Path, results: DemoResults) -> None:
    """Write the results as indented JSON, atomically.

    Raises:
        DataError: the file cannot be written.
    """
    write_text(path, json.dumps(results.model_dump(mode="json"), indent=2, ensure_ascii=True, allow_nan=False) + "\n")


def _shown(listing: Listing) -> tuple[tuple[str, str], ...]:
    texts = {name.removeprefix("attributes."): text for name, text in listing.texts().items()}
    return tuple((name, text if len(text) <= _MAX_TEXT_CHARS else f"{text[:_MAX_TEXT_CHARS]}…") for name, text in texts.items())
