"""Core thresholds fitted on labelled pairs: the one thing of the hand-written rules that data may move."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from epm.evidence.compare import compare_parsed
from epm.evidence.engine import read_listing
from epm.evidence.verdict import DEFAULT_THRESHOLDS, CodeCase, Thresholds, judge
from epm.matchers.operating_point import best_thresholds
from epm.pair import Pair
from epm.relation import Relation

_NEVER = 5.0
_SCORE_OFFSET = 2.0
"""Core scores may be negative; they are shifted so that a threshold of 0 admits everything."""


def tuned_thresholds(pairs: Sequence[Pair], matches: Sequence[bool]) -> Thresholds:
    """The thresholds with the best F1 of ``exact``; a case that never occurs keeps its default."""
    always = Thresholds(shared=-_NEVER, conflict=-_NEVER, none=-_NEVER)
    findings = [judge(compare_parsed(read_listing(pair.left), read_listing(pair.right)), always) for pair in pairs]
    scores = [finding.core_score + _SCORE_OFFSET for finding in findings]
    # A pair that some veto keeps from being exact stays out at every threshold: its case has none.
    cases = [finding.case if finding.relation is Relation.EXACT else None for finding in findings]
    start: dict[Hashable, float] = {case: DEFAULT_THRESHOLDS.of(case) + _SCORE_OFFSET for case in CodeCase}
    chosen = best_thresholds(scores, cases, matches, start=start)
    shared, conflict, none = (chosen[case] - _SCORE_OFFSET for case in (CodeCase.SHARED, CodeCase.CONFLICT, CodeCase.NONE))
    return Thresholds(shared=shared, conflict=conflict, none=none)
