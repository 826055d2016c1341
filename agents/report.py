"""What a teaching run came to, in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from epm.decision import Decision, Outcome
from epm.judgement import Judgement
from epm.pair import Pair
from epm.relation import Label
from epm.store.call_figures import CallFigures


@dataclass(frozen=True, slots=True)
class GoldAgreement:
    """Agreement with gold where gold exists. Failed and abstained items count as ``no_match``; rates are in [0, 1]."""

    n: int
    positives: int
    precision: float
    recall: float
    f1: float
    accuracy: float
    coverage: float


@dataclass(frozen=True, slots=True)
class TeachReport:
    """Figures over all items of the run that were asked for, those of earlier calls included.

    ``n_new`` items were done by this call, in ``elapsed_s`` seconds after ``index_s`` seconds for the index. Calls and cost are the
    ledger's, of the whole run without its judges: ``n_calls`` were sent, ``n_calls_failed`` of them brought nothing usable, ``n_cached``
    questions the cache answered. ``n_calls_now`` and ``cost_now_usd`` are the part of this call. ``n_decisive`` attributes were left open
    by the texts and decide under the identity rule (after RLQR); ``n_idle_questions`` asked for none of their pair's.
    ``first_failed`` is the first item that failed, by id, and its error.
    ``n_unscored`` rationales have no score of any judge on any axis. Where ``is_label_given``, ``gold`` says how far the teacher followed the labels it was told, and nothing of how well it decides.
    """

    run_id: str
    n_items: int
    n_new: int
    n_decided: int
    n_abstained: int
    n_failed: int
    failed_by_class: Mapping[str, int]
    relations: Mapping[str, int]
    n_questions: int
    n_decisive: int
    n_decisive_asked: int
    n_idle_questions: int
    n_searches: int
    n_recalled: int
    n_researched: int
    n_vetoes: int
    n_needs_review: int
    n_unscored: int
    n_calls: int
    n_calls_failed: int
    n_cached: int
    n_unpriced: int
    cost_usd: float
    n_calls_now: int
    cost_now_usd: float
    gold: GoldAgreement | None
    knowledge: str = ""
    n_indexed: int = 0
    searches: Mapping[str, int] = field(default_factory=dict)
    index_s: float = 0.0
    elapsed_s: float = 0.0
    is_label_given: bool = False
    first_failed: tuple[str, str] | None = None

    @property
    def pairs_per_s(self) -> float:
        """Items per second of this call, the index apart."""
        return self.n_new / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def reuse(self) -> float:
        """Share of questions answered from the index without a search, in [0, 1]."""
        return self.n_recalled / self.n_questions if self.n_questions else 0.0

    @property
    def decisive_recall(self) -> float | None:
        """Share of the decisive attributes that the questions asked for, in [0, 1]; ``None`` without any."""
        return self.n_decisive_asked / self.n_decisive if self.n_decisive else None

    @property
    def idle_share(self) -> float | None:
        """Share of the questions that asked for nothing decisive, in [0, 1]; ``None`` without any."""
        return self.n_idle_questions / self.n_questions if self.n_questions else None

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        shares = {"reuse": self.reuse, "decisive_recall": self.decisive_recall, "idle_share": self.idle_share}
        rounded = {name: None if share is None else round(share, 4) for name, share in shares.items()}
        return {**asdict(self), "pairs_per_s": round(self.pairs_per_s, 2), **rounded}


def summarise(
    run_id: str, items: Sequence[tuple[Pair, Decision]], judgements: Iterable[Judgement], *, n_new: int, calls: CallFigures,
    calls_now: CallFigures,
) -> TeachReport:  # fmt: skip
    """The report of stored items with their judgements, and of the run's calls: all of them, and those of this command."""
    decisions = [decision for _, decision in items]
    outcomes = Counter(decision.outcome for decision in decisions)
    failed = Counter(decision.error_class.value for decision in decisions if decision.error_class is not None)
    relations = Counter(decision.relation.value for decision in decisions if decision.relation is not None)
    return TeachReport(
        run_id=run_id, n_items=len(items), n_new=n_new, n_decided=outcomes[Outcome.DECIDED], n_abstained=outcomes[Outcome.ABSTAINED],
        n_failed=outcomes[Outcome.FAILED], failed_by_class=dict(failed.most_common()), relations=dict(relations.most_common()),
        n_questions=_sum(decisions, "n_questions"), n_decisive=_sum(decisions, "n_decisive"),
        n_decisive_asked=_sum(decisions, "n_decisive_asked"), n_idle_questions=_sum(decisions, "n_idle_questions"), n_searches=_sum(decisions, "n_searches"), n_recalled=_sum(decisions, "n_recalled"),
        n_researched=_sum(decisions, "n_researched"), n_vetoes=_sum(decisions, "n_vetoes"), n_needs_review=_sum(decisions, "needs_review"),
        n_unscored=_n_unscored(decisions, judgements),
        n_calls=calls.n_sent, n_calls_failed=calls.n_failed, n_cached=calls.n_cached, n_unpriced=calls.n_unpriced, cost_usd=calls.cost_usd,
        n_calls_now=calls_now.n_sent, cost_now_usd=calls_now.cost_usd, gold=agreement(items),
        searches=_searches(decisions), first_failed=next(_failed(decisions), None),
    )  # fmt: skip


def _failed(decisions: Iterable[Decision]) -> Iterator[tuple[str, str]]:
    return ((decision.pair_id, decision.error or "") for decision in decisions if decision.outcome is Outcome.FAILED)


def agreement(items: Sequence[tuple[Pair, Decision]]) -> GoldAgreement | None:
    """Agreement with gold on the items that have it; ``None`` when none has."""
    labelled = [(pair.gold_label is Label.MATCH, decision.label is Label.MATCH, decision) for pair, decision in items if pair.gold_label]
    if not labelled:
        return None
    true_positives = sum(gold and said for gold, said, _ in labelled)
    positives, said_match = sum(gold for gold, _, _ in labelled), sum(said for _, said, _ in labelled)
    precision = true_positives / said_match if said_match else 0.0
    recall = true_positives / positives if positives else 0.0
    return GoldAgreement(
        n=len(labelled), positives=positives, precision=precision, recall=recall,
        f1=2 * true_positives / (positives + said_match) if positives + said_match else 0.0,
        accuracy=sum(gold == said for gold, said, _ in labelled) / len(labelled),
        coverage=sum(decision.label is not None for _, _, decision in labelled) / len(labelled),
    )  # fmt: skip


def _sum(decisions: Sequence[Decision], name: str) -> int:
    values = (decision.provenance.get(name, 0) for decision in decisions)
    return sum(int(value) for value in values if isinstance(value, int))


def _n_unscored(decisions: Sequence[Decision], judgements: Iterable[Judgement]) -> int:
    scored = {(one.pair_id, one.rationale_sha) for one in judgements if any(score.score is not None for score in one.scores)}
    written = [(decision.pair_id, decision.rationale) for decision in decisions if decision.rationale is not None]
    if not scored:  # the usual case: hashing every rationale would be for nothing
        return len(written)
    return sum((pair_id, rationale.sha()) not in scored for pair_id, rationale in written)


def _searches(decisions: Sequence[Decision]) -> Mapping[str, int]:
    """Tool calls by tool, the commonest first."""
    found: Counter[str] = Counter()
    for decision in decisions:
        counts = decision.provenance.get("searches", {})
        found.update({str(tool): int(n) for tool, n in counts.items()} if isinstance(counts, Mapping) else {})
    return dict(found.most_common())
