"""The prompt baselines: one question about each pair, answered by the model of the context.

    epm bench pairs.jsonl --model openai/… --matcher zero-shot --matcher zero-shot:no-rule --matcher cot --matcher entity-attr
    epm bench pairs.jsonl --model openai/… --matcher reasoning:high --matcher reasoning:high,no-rule

``zero-shot`` asks for the label alone, ``cot`` for reasoning first, ``entity-attr`` for the attributes side by side first.
``reasoning`` is the zero-shot prompt to a model that thinks unseen, as hard as its effort says. After the colon,
``no-rule`` takes the identity rule out of the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence

from epm.agents.baseline_schemas import AttributeReply, LabelReply, ReasonedReply
from epm.agents.free_prompt import NO_RULE_OPTION, VERSION, Asked, FreePrompt, with_rule
from epm.decision import Decision, Outcome
from epm.errors import ConfigError
from epm.matcher import MatchContext, require_usable
from epm.pair import Pair
from epm.prompts.data_fields import listing_block
from epm.run import in_turn

EFFORTS = ("minimal", "low", "medium", "high")
DEFAULT_EFFORT = "medium"

PairReply = LabelReply | ReasonedReply | AttributeReply


class BaselineMatcher:
    """Decides each pair by one free prompt; ``version`` holds the prompt's hash."""

    def __init__(self, prompt: FreePrompt, reply: type[PairReply]) -> None:
        self.name = prompt.matcher
        self.prompts_sha = prompt.sha
        self.version = f"{VERSION}+{self.prompts_sha[:12]}"
        self._prompt = prompt
        self._reply = reply

    def refusal(self, ctx: MatchContext) -> str | None:
        """Why the context has nobody who could answer; ``None`` when it has."""
        return self._prompt.refusal(ctx)

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        """One decision for each pair, in the same order.

        Raises:
            ConfigError: the context has no model, or the rules in its place.
        """
        require_usable([self], ctx)
        identity = self._prompt.identity(ctx.identity)

        async def decide(pair: Pair) -> Decision:
            async def work(asked: Asked) -> list[Decision]:
                left, right = listing_block("left", pair.left.texts()), listing_block("right", pair.right.texts())
                reply = await asked.ask({"identity": identity, "left": left, "right": right}, self._reply)
                return [Decision(pair.id, Outcome.DECIDED, label=reply.label, provenance={"reply": reply.model_dump(mode="json")})]

            (decision,) = await self._prompt.decide([pair.id], ctx, work)
            return decision

        return await in_turn([ctx.egress.visible(pair) for pair in batch], decide, concurrency=ctx.concurrency)


def make_zero_shot(arg: str | None) -> BaselineMatcher:
    """The matcher ``zero-shot[:no-rule]``."""
    return _made("zero-shot", arg, LabelReply)


def make_cot(arg: str | None) -> BaselineMatcher:
    """The matcher ``cot[:no-rule]``."""
    return _made("cot", arg, ReasonedReply)


def make_entity_attr(arg: str | None) -> BaselineMatcher:
    """The matcher ``entity-attr[:no-rule]``."""
    return _made("entity-attr", arg, AttributeReply)


def make_reasoning(arg: str | None) -> BaselineMatcher:
    """The matcher ``reasoning[:EFFORT][,no-rule]``.

    Raises:
        ConfigError: an effort that is none.
    """
    given = [] if arg is None else arg.split(",")
    efforts = [part for part in given if part != NO_RULE_OPTION]
    if any(effort not in EFFORTS for effort in efforts) or len(efforts) > 1 or len(set(given)) < len(given):
        msg = f"matcher 'reasoning' takes one effort of {list(EFFORTS)} and {NO_RULE_OPTION!r} after its colon, got {arg!r}: write 'reasoning:high,{NO_RULE_OPTION}'"
        raise ConfigError(msg)
    effort, has_rule = (efforts or [DEFAULT_EFFORT])[0], NO_RULE_OPTION not in given
    name = f"reasoning:{effort}" + ("" if has_rule else f",{NO_RULE_OPTION}")
    return BaselineMatcher(FreePrompt(name, "baseline/zero_shot.v1", has_rule=has_rule, effort=effort), LabelReply)


def _made(name: str, arg: str | None, reply: type[PairReply]) -> BaselineMatcher:
    has_rule = with_rule(name, arg)
    full = name if has_rule else f"{name}:{NO_RULE_OPTION}"
    return BaselineMatcher(FreePrompt(full, f"baseline/{name.replace('-', '_')}.v1", has_rule=has_rule), reply)
