"""The judge ``checks``: what a program can verify in a rationale, per axis, on the levels of ``judges.faults``.

Quotes stand in the listing they are attributed to; verdicts fit their quotes; codes with wrong check digits prove nothing;
axis verdicts, relation and label follow; what both listings state is not left out. Every fault is in the reason. Free,
deterministic, above 1,000 rationales a second; it shares no code with the attacks that measure it.
"""

from __future__ import annotations

from collections.abc import Sequence

from epm.errors import ConfigError
from epm.identity import IdentityRule
from epm.judge import JudgeContext
from epm.judgement import Judgement
from epm.judges.common_token import common_token_faults
from epm.judges.entailment import entailment_faults
from epm.judges.faults import Fault, axis_score
from epm.judges.grounding import grounding_faults
from epm.judges.omission import omission_faults
from epm.judges.plausibility import plausibility_faults
from epm.judges.second_reading import second_reading_faults
from epm.pair import Pair
from epm.rationale import Axis, Rationale

NAME = "checks"


def make(arg: str | None) -> Checks:
    """The judge.

    Raises:
        ConfigError: it takes no argument.
    """
    if arg is not None:
        msg = f"judge {NAME!r} takes no argument, got {arg!r}; write --judge {NAME}"
        raise ConfigError(msg)
    return Checks()


def find_faults(pair: Pair, rationale: Rationale, identity: IdentityRule) -> tuple[Fault, ...]:
    """Everything that a program can find wrong in a rationale of a pair."""
    return (
        *grounding_faults(pair, rationale), *plausibility_faults(rationale),
        *second_reading_faults(pair, rationale), *common_token_faults(rationale), *entailment_faults(rationale, identity), *omission_faults(pair, rationale),
    )  # fmt: skip


class Checks:
    """Grades all three axes."""

    name = NAME
    version = "1"

    async def score(self, batch: Sequence[tuple[Pair, Rationale]], ctx: JudgeContext) -> list[Judgement]:
        """One judgement for each rationale; never unscored."""
        return [self.grade(pair, rationale, ctx.identity) for pair, rationale in batch]

    def grade(self, pair: Pair, rationale: Rationale, identity: IdentityRule) -> Judgement:
        """The judgement of one rationale."""
        faults = find_faults(pair, rationale, identity)
        return Judgement(pair.id, rationale.sha(), self.name, tuple(axis_score(axis, faults) for axis in Axis))
