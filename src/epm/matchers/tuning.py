"""Core thresholds fitted on labelled pairs: the one thing of the hand-written rules that data may move."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from epm.evidence.compare import Compared, compare_parsed
from epm.evidence.engine import read_listing
from epm.evidence.verdict import DEFAULT_THRESHOLDS, CodeCase, Thresholds, judge
from epm.matchers.operating_point import best_thresholds, f1_of_counts
from epm.pair import Pair
from epm.relation import Relation

_ALWAYS = -5.0
"""A core score below every real one: with it as threshold only the vetoes decide."""


def tuned_thresholds(pairs: Sequence[Pair], matches: Sequence[bool]) -> Thresholds:
    """The thresholds with the best F1 of ``exact``; a code case that never occurs keeps its default."""
    compared = [compare_parsed(read_listing(pair.left), read_listing(pair.right)) for pair in pairs]
    candidates = [_tuned(compared, matches, is_silence_open=is_open) for is_open in (True, False)]
    return max(candidates, key=lambda thresholds: _f1(compared, matches, thresholds))


def _tuned(compared: Sequence[Compared], matches: Sequence[bool], *, is_silence_open: bool) -> Thresholds:
    always = Thresholds(shared=_ALWAYS, conflict=_ALWAYS, none=_ALWAYS, is_silence_open=is_silence_open)
    findings = [judge(one, always) for one in compared]
    # A pair that some veto keeps from being exact stays out at every threshold: its case has none.
    cases = [finding.case if finding.relation is Relation.EXACT else None for finding in findings]
    start: dict[Hashable, float] = {case: DEFAULT_THRESHOLDS.of(case) for case in CodeCase}
    chosen = best_thresholds([finding.core_score for finding in findings], cases, matches, start=start)
    shared, conflict, none = (chosen[case] for case in (CodeCase.SHARED, CodeCase.CONFLICT, CodeCase.NONE))
    return Thresholds(shared=shared, conflict=conflict, none=none, is_silence_open=is_silence_open)


def _f1(compared: Sequence[Compared], matches: Sequence[bool], thresholds: Thresholds) -> float:
    predicted = [judge(one, thresholds).relation is Relation.EXACT for one in compared]
    n_true = sum(found and match for found, match in zip(predicted, matches, strict=True))
    return f1_of_counts(n_true, sum(predicted) - n_true, sum(matches))
