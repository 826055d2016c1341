"""How many known matches are among the candidates, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from epm.blocking.blocker import Blocked
from epm.blocking.candidate import Rows
from epm.blocking.channel import ChannelName
from epm.blocking.identifier_channel import IdentifierState, identifier_state
from epm.blocking.script import main_script

RECALL_AT = (1, 5, 10, 20)
LOW_SIMILARITY = 0.2
"""Below this two titles have little in common: a random pair of one shop's range often reaches it."""

Match = tuple[int, int]
"""The left and the right row of a known match."""


class LossReason(StrEnum):
    """Why a known match is no candidate; what two unlike titles lack comes first, unless a second channel found the match.

    ``below_the_cut``: a channel found it, but the budget was spent on better pairs. ``outranked_by_siblings``: none did,
    for ``top_k`` others are at least as near on both sides.
    """

    OTHER_SCRIPT = "other_script"
    NO_COMMON_TEXT = "no_common_text"
    LOW_SIMILARITY = "low_similarity"
    OUTRANKED = "outranked_by_siblings"
    BELOW_CUT = "below_the_cut"
    NOT_LOOKED_AT = "no_similarity_channel"


@dataclass(frozen=True, slots=True)
class LostMatch:
    """A known match that is no candidate. ``n_nearer_right`` right listings are nearer to its left one, and so on.

    ``channels`` names those that found it before the cut. ``similarity`` is that of the first similarity channel.
    """

    left: int
    right: int
    reason: LossReason
    channels: tuple[ChannelName, ...]
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
    finders = _finders(blocked, rows)
    similarities, nearer = [0.0] * len(lost), [(0, 0)] * len(lost)
    if blocked.similarity:
        first = blocked.similarity[0]
        similarities = first.similarity(rows[:, 0], rows[:, 1]).tolist()
        nearer = list(zip(*(side.tolist() for side in first.n_nearer(rows[:, 0], rows[:, 1])), strict=True))
    return tuple(
        LostMatch(
            left, right, _reason(blocked, (left, right), finders[row], similarities[row]), finders[row],
            identifier_state(blocked.left[left], blocked.right[right]), similarities[row], *nearer[row],
        )
        for row, (left, right) in enumerate(lost)
    )  # fmt: skip


def _finders(blocked: Blocked, rows: Rows) -> list[tuple[ChannelName, ...]]:
    """For each pair: the channels that found it before the cut."""
    n_right = len(blocked.right)
    keys = rows[:, 0] * n_right + rows[:, 1]
    found = {name: np.isin(keys, links.keys(n_right)) for name, links in blocked.links}
    return [tuple(name for name, hits in found.items() if hits[row]) for row in range(len(rows))]


def _reason(blocked: Blocked, match: Match, finders: tuple[ChannelName, ...], similarity: float) -> LossReason:
    if not blocked.similarity:
        return LossReason.BELOW_CUT if finders else LossReason.NOT_LOOKED_AT
    if set(finders) - {blocked.similarity[0].name}:  # another channel found it: what its titles lack is no reason
        return LossReason.BELOW_CUT
    if similarity < LOW_SIMILARITY:
        scripts = {main_script(blocked.left[match[0]].title), main_script(blocked.right[match[1]].title)} - {None}
        if len(scripts) > 1:
            return LossReason.OTHER_SCRIPT
        return LossReason.LOW_SIMILARITY if similarity > 0 else LossReason.NO_COMMON_TEXT
    return LossReason.BELOW_CUT if finders else LossReason.OUTRANKED
