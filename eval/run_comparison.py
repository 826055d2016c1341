"""Two runs of one store on the pairs that both hold: the same id and the same listing text, so that differences are paired.

Differences are B minus A, with the intervals of ``intervals.py``. A pair that a run left undecided or failed counts against
gold as ``no_match``, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from epm.decision import Decision, Outcome
from epm.errors import StoreError
from epm.eval.audit import said
from epm.eval.intervals import Difference, Interval, TwoWay, f1_difference, f1_interval, mean_differences, mean_interval, plan_of
from epm.eval.metrics import FloatArray, Metrics, Outcomes, measure, outcomes
from epm.pair import Pair
from epm.rationale import Axis, Comparison, Rationale, Verdict
from epm.relation import Label
from epm.store.call_figures import ItemCalls, calls_by_item
from epm.store.purged import is_purged
from epm.store.records import RunRecord, RunSpec, StoredItem
from epm.store.store import RunStore

_NO_CALLS = ItemCalls()
_REASON_CELLS = 2
"""Comparisons shown as the reason of a decision: the one that decides, and one beside it."""


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A run with its items and what the calls of each took, by pair id."""

    record: RunRecord
    items: Mapping[str, StoredItem]
    calls: Mapping[str, ItemCalls]


@dataclass(frozen=True, slots=True)
class RunSide:
    """One run on the common pairs. Cost, tokens and seconds are of all attempts, by pair; cached replies cost and take nothing.

    ``n_cached`` pairs were answered from the cache alone, so that their cost is not what asking takes.
    """

    run_id: str
    matcher: str
    model: str
    is_label_given: bool
    n_match: int
    n_no_match: int
    n_undecided: int
    n_failed: int
    coverage: float
    cost_usd: float
    n_unpriced: int
    n_tokens: int
    seconds_per_pair: float
    n_cached: int
    gold: Metrics | None
    f1_ci95: Interval | None


@dataclass(frozen=True, slots=True)
class GoldDifference:
    """Both runs on the ``n`` common pairs whose gold label is the same in both."""

    n: int
    f1: Difference
    accuracy: Difference
    n_only_a_right: int
    n_only_b_right: int


@dataclass(frozen=True, slots=True)
class RunDisagreement:
    """A pair on which the runs do not say the same."""

    pair_id: str
    gold: str | None
    a: str
    b: str
    a_reason: str
    b_reason: str


@dataclass(frozen=True, slots=True)
class RunComparison:
    """The paired figures of runs A and B, and the pairs that are left out of them: of one run alone, of other text, purged.

    ``differs_in`` names what the runs do otherwise: a part of their identity, with A's and B's value. ``agreement`` is the share of
    the common pairs on which both give the same label, or neither gives one.
    """

    n: int
    n_only_a: int
    n_only_b: int
    n_other_text: int
    n_purged: int
    n_gold_differs: int
    differs_in: Mapping[str, tuple[str, str]]
    agreement: float
    agreement_ci95: Interval | None
    a: RunSide
    b: RunSide
    coverage: Difference
    cost_usd_per_pair: Difference
    tokens_per_pair: Difference
    seconds_per_pair: Difference
    gold: GoldDifference | None
    disagreements: tuple[RunDisagreement, ...]

    def to_json(self) -> dict[str, object]:
        """The comparison as JSON values."""
        return asdict(self)


def held_run(store: RunStore, run: str) -> HeldRun:
    """A run of the store by its id or its beginning.

    Raises:
        StoreError: there is none, or several.
    """
    record = store.run(run)
    items = {item.item_id: item for item in store.items(record.run_id)}
    return HeldRun(record, items, store.read(lambda connection: calls_by_item(connection, record.run_id)))


def compare_runs(a: HeldRun, b: HeldRun) -> RunComparison:
    """The comparison of two runs.

    Raises:
        StoreError: it is one run twice, or the runs share no pair with the same text.
    """
    if a.record.run_id == b.record.run_id:
        raise StoreError(f"run {a.record.run_id} is compared with itself: name two runs; 'epm runs list' shows them")
    shared = sorted(a.items.keys() & b.items.keys())
    purged = {pair_id for pair_id in shared if is_purged(a.items[pair_id].pair) or is_purged(b.items[pair_id].pair)}
    same = [pair_id for pair_id in shared if pair_id not in purged and _text(a, pair_id) == _text(b, pair_id)]
    if not same:
        raise StoreError(
            f"runs {a.record.run_id} and {b.record.run_id} share no pair: {len(a.items)} and {len(b.items)} pairs, {len(shared)} ids in both, "
            f"{len(purged)} of them purged, {len(shared) - len(purged)} with other listing text; compare runs on the same pairs"
        )
    pairs = [a.items[pair_id].pair for pair_id in same]
    plan = TwoWay([pair.left.product_id() for pair in pairs], [pair.right.product_id() for pair in pairs])
    labelled = [id_ for id_ in same if a.items[id_].pair.gold_label is not None and _gold(a, id_) is _gold(b, id_)]
    differences = mean_differences(_columns(b, same), _columns(a, same), plan)
    agrees = np.array([_agree(a, b, pair_id) for pair_id in same], dtype=np.float64)
    return RunComparison(
        n=len(same), n_only_a=len(a.items.keys() - b.items.keys()), n_only_b=len(b.items.keys() - a.items.keys()),
        n_other_text=len(shared) - len(purged) - len(same), n_purged=len(purged),
        n_gold_differs=sum(_gold(a, pair_id) is not _gold(b, pair_id) for pair_id in same),
        differs_in=_differs_in(a.record.spec, b.record.spec), agreement=float(agrees.mean()), agreement_ci95=mean_interval(agrees, plan), a=_side(a, same, labelled), b=_side(b, same, labelled),
        coverage=differences[0], cost_usd_per_pair=differences[1], tokens_per_pair=differences[2], seconds_per_pair=differences[3],
        gold=_gold_difference(_seen(a, labelled), _seen(b, labelled)) if labelled else None,
        disagreements=tuple(_disagreement(a, b, pair_id) for pair_id in same if not _agree(a, b, pair_id)),
    )  # fmt: skip


def _differs_in(a: RunSpec, b: RunSpec) -> dict[str, tuple[str, str]]:
    one, two = ({"command": spec.command, "input": spec.input_sha, "matcher": spec.matcher, "prompts": spec.prompts_sha, "model": spec.model,
                 "seed": str(spec.seed), **spec.settings} for spec in (a, b))  # fmt: skip
    return {name: (one.get(name, ""), two.get(name, "")) for name in sorted({*one, *two}) if one.get(name, "") != two.get(name, "")}


def short_reason(decision: Decision) -> str:
    """What a decision rests on, in a line: its error, the comparisons that decide, or what its matcher said."""
    if decision.rationale is not None:
        return "; ".join(map(_shown, _deciding(decision.rationale)[:_REASON_CELLS]))
    if decision.error is not None:
        return decision.error
    reply = decision.provenance.get("reply")
    told = decision.provenance.get("reason") or (reply.get("reasoning") if isinstance(reply, dict) else None)
    return told if isinstance(told, str) else ""


def _deciding(rationale: Rationale) -> list[Comparison]:
    """The comparisons of the rationale, those that argue its label first."""
    argues = Verdict.SAME if rationale.label is Label.MATCH else Verdict.DIFFERENT
    cells = [cell for axis in Axis for cell in rationale.finding(axis).comparisons]
    return sorted(cells, key=lambda cell: cell.verdict is not argues)


def _shown(cell: Comparison) -> str:
    left, right = ("missing" if side is None else repr(side) for side in (cell.left, cell.right))
    return f"{cell.attribute} {cell.verdict.value}: {left} / {right}"


def _text(run: HeldRun, pair_id: str) -> tuple[str, str]:
    pair = run.items[pair_id].pair
    return pair.left.content_sha(), pair.right.content_sha()


def _gold(run: HeldRun, pair_id: str) -> Label | None:
    return run.items[pair_id].pair.gold_label


def _agree(a: HeldRun, b: HeldRun, pair_id: str) -> bool:
    one, two = a.items[pair_id].decision, b.items[pair_id].decision
    return one.label is two.label


def _columns(run: HeldRun, pair_ids: Sequence[str]) -> FloatArray:
    """Decided, USD, tokens and seconds of each pair, shape (N, 4)."""
    rows = []
    for pair_id in pair_ids:
        decision, calls = run.items[pair_id].decision, run.calls.get(pair_id, _NO_CALLS)
        rows.append((decision.outcome is Outcome.DECIDED, calls.cost_usd, calls.n_tokens, decision.latency_s))
    return np.array(rows, dtype=np.float64)


def _seen(run: HeldRun, pair_ids: Sequence[str]) -> Outcomes:
    return outcomes([_pair_of(run, id_) for id_ in pair_ids], [replace(run.items[id_].decision, pair_id=id_) for id_ in pair_ids])


def _pair_of(run: HeldRun, pair_id: str) -> Pair:
    return replace(run.items[pair_id].pair, id=pair_id)


def _side(run: HeldRun, same: Sequence[str], labelled: Sequence[str]) -> RunSide:
    decisions = [run.items[pair_id].decision for pair_id in same]
    calls = [run.calls.get(pair_id, _NO_CALLS) for pair_id in same]
    n_match, n_no_match = (sum(decision.label is label for decision in decisions) for label in (Label.MATCH, Label.NO_MATCH))
    n_failed = sum(decision.outcome is Outcome.FAILED for decision in decisions)
    seen = _seen(run, labelled) if labelled else None
    return RunSide(
        run.record.run_id, run.record.spec.matcher, run.record.spec.model, any(decision.is_label_given for decision in decisions),
        n_match, n_no_match, len(same) - n_match - n_no_match - n_failed, n_failed, (n_match + n_no_match) / len(same),
        sum(one.cost_usd for one in calls), sum(one.n_unpriced for one in calls), sum(one.n_tokens for one in calls),
        sum(decision.latency_s for decision in decisions) / len(same), sum(one.n_cached > 0 and not one.n_sent for one in calls),
        None if seen is None else measure(seen), None if seen is None else f1_interval(seen),
    )  # fmt: skip


def _gold_difference(a: Outcomes, b: Outcomes) -> GoldDifference:
    b = replace(b, left=a.left, right=a.right)  # the same products, though a run may have known them by other ids
    right_a, right_b = a.predicted == a.gold, b.predicted == b.gold
    (accuracy,) = mean_differences(right_b.astype(np.float64)[:, None], right_a.astype(np.float64)[:, None], plan_of(a))
    return GoldDifference(int(a.gold.size), f1_difference(b, a), accuracy, int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum()))


def _disagreement(a: HeldRun, b: HeldRun, pair_id: str) -> RunDisagreement:
    one, two, gold = a.items[pair_id].decision, b.items[pair_id].decision, _gold(a, pair_id)
    shown = gold.value if gold is not None and gold is _gold(b, pair_id) else None
    return RunDisagreement(pair_id, shown, said(one), said(two), short_reason(one), short_reason(two))
