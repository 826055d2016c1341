"""What a check finds wrong, and the labelled levels that faults and model judges lead to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from epm.judgement import AxisScore
from epm.rationale import Axis

LEVELS = {"sound": 1.0, "partial": 0.5, "unsound": 0.0}
"""Labelled levels and their scores: judges choose words, because free numbers cluster and tie."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one axis. ``level`` is the best level the axis can still reach; ``check`` names what found it."""

    axis: Axis
    level: str
    check: str
    reason: str


def axis_score(axis: Axis, faults: Iterable[Fault]) -> AxisScore:
    """The score of an axis: the level of its worst fault, with every fault of that axis as the reason."""
    own = [fault for fault in faults if fault.axis is axis]
    level = min((fault.level for fault in own), key=LEVELS.__getitem__, default="sound")
    reason = "; ".join(f"{fault.check}: {fault.reason}" for fault in own) or "no fault found"
    return AxisScore(axis, LEVELS[level], level, reason)
