"""How many known matches are among the candidates, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from epm.blocking.blocker import Blocked
from epm.blocking.identifier_channel import IdentifierState, identifier_state

RECALL_AT = (1, 5, 10, 20)
LOW_SIMILARITY = 0.2
"""Below this two titles have little in common: a random pair of one shop's range often reaches it."""

Match = tuple[int, int]
"""The left and the right row of a known match."""


class LossReason(StrEnum):
    """Why a known match is no candidate; the first that holds."""

    NO_COMMON_TEXT = "no_common_text"
    LOW_SIMILARITY = "low_similarity"
    OUTRANKED = "outranked_by_siblings"
    BELOW_CUT = "below_the_cut"
    NOT_LOOKED_AT = "no_similarity_channel"


@dataclass(frozen=True, slots=True)
class LostMatch:
    """A known match that is no candidate. ``n_nearer_right`` right listings are nearer to its left one, and so on."""

    left: int
    right: int
    reason: LossReason
    identifiers: IdentifierState
    similarity: float
    n_nearer_right: int
    n_nearer_left: int


@dataclass(frozen=True, slots=True)
class RecallReport:
    """Recall of the candidates. ``at_k`` counts a match when it stands among the first k candidates of its left listing."""

    n_gold: int
    at_k: tuple[tuple[int, float], ...]
    recall: float
    lost: tuple[LostMatch, ...]

    def lost_by_reason(self) -> dict[str, int]:
        """How many matches were lost for each reason that occurs, the most frequent first."""
        return dict(Counter(lost.reason.value for lost in self.lost).most_common())

    def lost_by_identifiers(self) -> dict[str, int]:
        """How many lost matches share an identifier, have none in common, or lack one on a side."""
        return dict(Counter(lost.identifiers.value for lost in self.lost).most_common())


def measure_recall(blocked: Blocked, gold: Sequence[Match]) -> RecallReport:
    """Recall of the candidates against known matches; figures are 0 when there are none."""
    rank_of = {(found.left, found.right): found.left_rank for found in blocked.candidates}
    known = sorted(set(gold))
    places = [rank_of.get(match) for match in known]
    lost = [match for match, place in zip(known, places, strict=True) if place is None]
    n_gold = max(1, len(known))
    at_k = tuple((k, sum(place is not None and place <= k for place in places) / n_gold) for k in RECALL_AT)
    return RecallReport(len(known), at_k, (len(known) - len(lost)) / n_gold, _explain(blocked, lost))


def _explain(blocked: Blocked, lost: Sequence[Match]) -> tuple[LostMatch, ...]:
    rows = np.array(lost, dtype=np.int64).reshape(-1, 2)
    states = [identifier_state(blocked.left[i], blocked.right[j]) for i, j in lost]
    if not blocked.similarity:
        return tuple(LostMatch(*match, LossReason.NOT_LOOKED_AT, state, 0.0, 0, 0) for match, state in zip(lost, states, strict=True))
    first = blocked.similarity[0]
    similarities = first.similarity(rows[:, 0], rows[:, 1]).tolist()
    nearer = [side.tolist() for side in first.n_nearer(rows[:, 0], rows[:, 1])]
    return tuple(
        LostMatch(*match, _reason(similarity, min(*counts), blocked.policy.top_k), state, similarity, *counts)
        for match, state, similarity, counts in zip(lost, states, similarities, zip(*nearer, strict=True), strict=True)
    )


def _reason(similarity: float, n_nearer: int, top_k: int) -> LossReason:
    if similarity <= 0:
        return LossReason.NO_COMMON_TEXT
    if similarity < LOW_SIMILARITY:
        return LossReason.LOW_SIMILARITY
    return LossReason.OUTRANKED if n_nearer >= top_k else LossReason.BELOW_CUT
