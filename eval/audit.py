"""Audit: a student beside an oracle on the same pairs, with gold beside both.

An oracle is not truth. Agreement says whether the student still decides like the system it was distilled from; only
gold says who is right, so every figure of agreement here stands beside both matchers' figures against gold.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from epm.decision import Decision, Outcome
from epm.errors import GateError
from epm.eval.bench import matcher_label
from epm.eval.intervals import Interval, TwoWay, f1_interval, mean_interval, statistic_interval
from epm.eval.metrics import BoolArray, FloatArray, Metrics, measure, outcomes, ratio
from epm.matcher import MatchContext, require_usable
from epm.matching import decide_all
from epm.pair import Pair
from epm.progress import ProgressSink, silent
from epm.registry import make_matcher
from epm.relation import Label
from epm.sync import run_sync


@dataclass(frozen=True, slots=True)
class AgainstGold:
    """One matcher's figures on the pairs that have a gold label, as it decides by itself."""

    matcher: str
    metrics: Metrics
    f1_ci95: Interval | None
    match_share: float | None
    failures: Mapping[str, int]
    first_failed: tuple[str, str] | None = None
    """The first pair that failed, by its place in the file, and its error."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Pairs on which the student said one thing and the oracle another; ids are complete."""

    student: str
    oracle: str
    pair_ids: tuple[str, ...]
    n_student_right: int
    n_oracle_right: int


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Agreement of student and oracle with gold beside it.

    ``agreement`` and ``kappa`` are over the ``n_both_decided`` pairs that both decided; ``agreement_of_all`` is over
    all ``n`` pairs, a pair that either left undecided being a disagreement.
    """

    n: int
    n_both_decided: int
    agreement: float | None
    agreement_ci95: Interval | None
    agreement_of_all: float | None
    kappa: float | None
    kappa_ci95: Interval | None
    student: AgainstGold
    oracle: AgainstGold
    disagreements: tuple[Disagreement, ...]
    student_right_oracle_wrong: tuple[str, ...]
    oracle_right_student_wrong: tuple[str, ...]
    operating_point: str

    def to_json(self) -> dict[str, object]:
        """The report as JSON values."""
        return asdict(self)

    def require_agreement(self, minimum: float) -> None:
        """Pass when ``agreement_of_all`` is at least the minimum.

        Raises:
            GateError: it is lower, or there are no pairs.
        """
        if self.agreement_of_all is None or self.agreement_of_all < minimum:
            shown = "undefined" if self.agreement_of_all is None else f"{self.agreement_of_all:.4f}"
            raise GateError(
                f"agreement of {self.student.matcher!r} with {self.oracle.matcher!r} is {shown} of {self.n} pairs, below the gate "
                f"{minimum:.4f}; look at the disagreements, then retrain the student or lower --min-agreement"
            )


def audit(pairs: Sequence[Pair], *, student: str, oracle: str, ctx: MatchContext, on_progress: ProgressSink = silent) -> AuditReport:
    """Compare two matchers, given as ``NAME[:ARG]``, on all pairs; gold labels are used where there are some.

    Raises:
        ConfigError: a spec cannot be made into a matcher, or a matcher cannot work in this context.
    """
    made = [(matcher_label(spec, ctx.model), make_matcher(spec)) for spec in (student, oracle)]
    require_usable([matcher for _, matcher in made], ctx)

    async def decide_both() -> list[list[Decision]]:
        return [await decide_all(matcher, pairs, ctx, stage=label, on_progress=on_progress) for label, matcher in made]

    by_student, by_oracle = run_sync(decide_both())
    return compare_decisions(pairs, (made[0][0], by_student), (made[1][0], by_oracle))


def compare_decisions(
    pairs: Sequence[Pair], student: tuple[str, Sequence[Decision]], oracle: tuple[str, Sequence[Decision]]
) -> AuditReport:
    """The audit report of two named lists of decisions, one for each pair in order."""
    both = [
        (pair, one, two)
        for pair, one, two in zip(pairs, student[1], oracle[1], strict=True)
        if one.outcome is Outcome.DECIDED and two.outcome is Outcome.DECIDED
    ]
    plan = TwoWay([p.left.product_id() for p, _, _ in both], [p.right.product_id() for p, _, _ in both])
    says = np.array([one.label is Label.MATCH for _, one, _ in both], dtype=np.bool_)
    oracle_says = np.array([two.label is Label.MATCH for _, _, two in both], dtype=np.bool_)
    columns = _agreement_columns(says, oracle_says)
    right = [(p.id, one.label is p.gold_label, two.label is p.gold_label) for p, one, two in both if p.gold_label is not None]
    against = _against_gold(pairs, *student), _against_gold(pairs, *oracle)
    return AuditReport(
        n=len(pairs), n_both_decided=len(both), agreement=ratio(int((says == oracle_says).sum()), len(both)),
        agreement_ci95=mean_interval((says == oracle_says).astype(np.float64), plan),
        agreement_of_all=ratio(int((says == oracle_says).sum()), len(pairs)),
        kappa=_defined(cohen_kappa(columns.sum(axis=0)[None])[0]), kappa_ci95=statistic_interval(columns, cohen_kappa, plan),
        student=against[0], oracle=against[1], disagreements=_taxonomy(pairs, student[1], oracle[1]),
        student_right_oracle_wrong=tuple(id_ for id_, one, two in right if one and not two),
        oracle_right_student_wrong=tuple(id_ for id_, one, two in right if two and not one),
        operating_point=_operating_point(pairs, *against),
    )  # fmt: skip


def cohen_kappa(sums: FloatArray) -> FloatArray:
    """Cohen's kappa for each row of sums (B, 4): agreeing, student match, oracle match, all; NaN where undefined."""
    with np.errstate(invalid="ignore", divide="ignore"):
        agree, one, two = (sums[:, i] / sums[:, 3] for i in range(3))
        chance = one * two + (1 - one) * (1 - two)
        return np.where((sums[:, 3] > 0) & (chance < 1), (agree - chance) / (1 - chance), np.nan)


def _agreement_columns(says: BoolArray, oracle_says: BoolArray) -> FloatArray:
    return np.stack([says == oracle_says, says, oracle_says, np.ones_like(says)], axis=1).astype(np.float64)


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _against_gold(pairs: Sequence[Pair], name: str, decisions: Sequence[Decision]) -> AgainstGold:
    kept = [(pair, decision) for pair, decision in zip(pairs, decisions, strict=True) if pair.gold_label is not None]
    seen = outcomes([pair for pair, _ in kept], [decision for _, decision in kept])
    failures = Counter(d.error_class.value for d in decisions if d.error_class is not None)
    n_match = sum(d.label is Label.MATCH for d in decisions)
    first = next(((d.pair_id, d.error or "") for d in decisions if d.error_class is not None), None)
    return AgainstGold(name, measure(seen), f1_interval(seen), ratio(n_match, len(decisions)), dict(sorted(failures.items())), first)


def _taxonomy(pairs: Sequence[Pair], student: Sequence[Decision], oracle: Sequence[Decision]) -> tuple[Disagreement, ...]:
    cells: dict[tuple[str, str], list[tuple[Pair, Decision, Decision]]] = defaultdict(list)
    for pair, one, two in zip(pairs, student, oracle, strict=True):
        if one.label is None or one.label is not two.label:
            cells[(said(one), said(two))].append((pair, one, two))
    found = [
        Disagreement(
            student=one,
            oracle=two,
            pair_ids=tuple(pair.id for pair, _, _ in members),
            n_student_right=sum(pair.gold_label is not None and decision.label is pair.gold_label for pair, decision, _ in members),
            n_oracle_right=sum(pair.gold_label is not None and decision.label is pair.gold_label for pair, _, decision in members),
        )
        for (one, two), members in cells.items()
    ]
    return tuple(sorted(found, key=lambda cell: (-len(cell.pair_ids), cell.student, cell.oracle)))


def said(decision: Decision) -> str:
    """What a decision says in a word or two: its label and relation, ``undecided``, or how it failed."""
    if decision.error_class is not None:
        return f"failed ({decision.error_class.value})"
    if decision.label is None:
        return "undecided"
    return decision.label.value if decision.relation is None else f"{decision.label.value} ({decision.relation.value})"


def _operating_point(pairs: Sequence[Pair], student: AgainstGold, oracle: AgainstGold) -> str:
    gold = [pair.gold_label for pair in pairs if pair.gold_label is not None]
    positives = sum(label is Label.MATCH for label in gold)
    truth = f"gold {positives / len(gold):.1%} of {len(gold)} labelled pairs" if gold else "no gold labels"
    shares = ", ".join(
        f"{side.matcher} says match on {'no pairs' if side.match_share is None else f'{side.match_share:.1%}'}"
        for side in (student, oracle)
    )
    return f"As each decides by itself, no threshold tuned: {shares}; {truth}. A different share of matches is a shifted operating point, not skill."
