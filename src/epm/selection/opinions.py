"""What a cheap matcher thinks of every candidate, without its rationales: 100,000 of those would be gigabytes.

Candidates come in the seeded order of their ids and are decided ``AT_ONCE`` at a time, so memory does not grow with their
number. A matcher that takes word frequencies from its batch takes them from that many random candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from epm.decision import Decision, Outcome
from epm.errors import ConfigError
from epm.matcher import MatchContext, Matcher
from epm.matching import decide_all
from epm.pair import Pair
from epm.progress import ProgressEvent, ProgressSink, silent
from epm.relation import Label
from epm.sync import run_sync

AT_ONCE = 10_000
FloatArray = npt.NDArray[np.float64]
_DECIDED = {Label.MATCH: 1.0, Label.NO_MATCH: 0.0}


@dataclass(frozen=True, slots=True, eq=False)
class Opinions:
    """One matcher's answers on N pairs, shape (N,) each.

    ``labels`` are 1 for a match, 0 for none, NaN where it did not decide; ``probabilities`` of a match, NaN where it gave
    none. ``has_failed`` marks pairs about which nothing is known.
    """

    matcher: str
    labels: FloatArray
    probabilities: FloatArray
    has_failed: npt.NDArray[np.bool_]

    @property
    def is_graded(self) -> bool:
        """True when some probability is neither 0 nor 1: others cannot say how sure the matcher is."""
        known = self.probabilities[~np.isnan(self.probabilities)]
        return bool(((known > 0) & (known < 1)).any())

    def uncertainty(self) -> FloatArray:
        """1 at probability 0.5 and where the matcher abstained, 0 at 0 and 1; NaN where it failed or has no probability."""
        found: FloatArray = 1.0 - np.abs(2.0 * self.probabilities - 1.0)
        found[np.isnan(self.labels)] = 1.0
        found[self.has_failed] = np.nan
        return found


def ask(matcher: Matcher, pairs: Sequence[Pair], ctx: MatchContext, *, on_progress: ProgressSink = silent) -> Opinions:
    """The matcher's opinions, in the order of the pairs; it sees what the listings say and nothing else.

    Raises:
        ConfigError: every pair failed, or the matcher broke its contract.
    """
    found = Opinions(matcher.name, np.full(len(pairs), np.nan), np.full(len(pairs), np.nan), np.zeros(len(pairs), dtype=np.bool_))
    on_progress(ProgressEvent(matcher.name, len(pairs), 0))
    for start in range(0, len(pairs), AT_ONCE):
        decisions = run_sync(decide_all(matcher, [_shown(pair) for pair in pairs[start : start + AT_ONCE]], ctx))
        for place, decision in enumerate(decisions, start=start):
            _note(found, place, decision)
        if start == 0 and found.has_failed[: len(decisions)].all():
            raise ConfigError(f"matcher {matcher.name!r} failed on every one of {len(decisions)} candidates: {decisions[0].error}")
        on_progress(ProgressEvent(matcher.name, len(pairs), start + len(decisions)))
    return found


def mean_uncertainty(opinions: Sequence[Opinions]) -> FloatArray:
    """The mean over the matchers that know, shape (N,); 0 where none does."""
    rows = np.array([opinion.uncertainty() for opinion in opinions])
    known = ~np.isnan(rows)
    mean: FloatArray = np.where(known, rows, 0.0).sum(axis=0) / np.maximum(1, known.sum(axis=0))
    return mean


def disagreement(opinions: Sequence[Opinions]) -> FloatArray:
    """1 where as many matchers say match as say no match, 0 where all that decided agree, shape (N,)."""
    labels = np.array([opinion.labels for opinion in opinions])
    decided = ~np.isnan(labels)
    share = np.where(decided, labels, 0.0).sum(axis=0) / np.maximum(1, decided.sum(axis=0))
    found: FloatArray = 1.0 - np.abs(2.0 * share - 1.0)
    return np.where(decided.sum(axis=0) > 1, found, 0.0)


def _note(found: Opinions, place: int, decision: Decision) -> None:
    found.has_failed[place] = decision.outcome is Outcome.FAILED
    if decision.label is not None:
        found.labels[place] = _DECIDED[decision.label]
    if decision.probability is not None:
        found.probabilities[place] = decision.probability


def _shown(pair: Pair) -> Pair:
    """The pair without anything that tells the answer: a cluster id is the label, and so may be an unknown column."""
    left, right = (replace(side, cluster_id=None, source=None, extras={}) for side in (pair.left, pair.right))
    return Pair(pair.id, left, right)
