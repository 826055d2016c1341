"""A free prompt as a matcher asks it: one structured question through the gateway, its failure a record, its price known.

Free means without a typed task: only a model can answer, so the ``rules`` transport is refused before any pair.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import BaseModel

from epm.agents.item_gateway import ItemGateway
from epm.decision import Decision
from epm.errors import ConfigError, ModelError
from epm.gateway.deadline import item_deadline
from epm.gateway.request import CallScope, ModelSettings
from epm.identity import IdentityRule
from epm.matcher import MatchContext
from epm.prompts.identity_text import NO_RULE, state_identity
from epm.prompts.library import load_prompt, prompts_sha

NO_RULE_OPTION = "no-rule"
VERSION = "1"

ReplyT = TypeVar("ReplyT", bound=BaseModel)
Work = Callable[["Asked"], Awaitable[Sequence[Decision]]]


@dataclass(frozen=True, slots=True)
class FreePrompt:
    """A prompt of the library, with or without the identity rule in it. ``matcher`` is who asks; ``effort`` how hard the model is to think."""

    matcher: str
    prompt_id: str
    has_rule: bool = True
    effort: str | None = None

    @property
    def sha(self) -> str:
        """SHA-256 of the prompt, as part of a run's identity."""
        return prompts_sha([self.prompt_id])

    def identity(self, rule: IdentityRule) -> str:
        """What the prompt says of what counts as the same."""
        return state_identity(rule) if self.has_rule else NO_RULE

    def refusal(self, ctx: MatchContext) -> str | None:
        """Why nobody can answer the prompt in this context, and what to do; ``None`` when a model can."""
        if ctx.model is None:
            return "asks a model, and none is named: give --model NAME (and --api-base for a local server)"
        if ctx.model.name == "rules":
            return (
                "asks a free prompt, and the rules answer typed tasks alone: an engine that answered here would pass for a model; "
                "name a real one with --model (and --api-base for a local server)"
            )
        if self.effort is not None and getattr(getattr(ctx.gateway, "transport", None), "takes_effort", True) is False:
            return (
                f"sets a reasoning effort, and model {ctx.model.name!r} takes none: name a model that reasons unseen, or leave this row out"
            )
        return None

    async def decide(self, pair_ids: Sequence[str], ctx: MatchContext, work: Work) -> list[Decision]:
        """What ``work`` decides about pairs that are asked about together, or the failure of each, told to ``on_decision``.

        Cost is shared evenly; latency, calls and tokens of a decision are those of all of them together.

        Raises:
            ConfigError: the context cannot ask a model.
        """
        reason = self.refusal(ctx)
        if ctx.gateway is None or ctx.model is None or reason is not None:
            raise ConfigError(f"matcher {self.matcher!r} {reason or 'was given no gateway to its model: run it through epm.match'}")
        model = ctx.model if self.effort is None else replace(ctx.model, reasoning_effort=self.effort)
        asked = Asked(self, ItemGateway(ctx.gateway), model, CallScope(ctx.run_id, pair_ids[0], f"matcher/{self.matcher}"))
        start = time.perf_counter()
        try:
            with item_deadline(model.item_timeout_s):
                decisions = await work(asked)
        except ModelError as error:
            decisions = [Decision.failed(pair_id, error.error_class, str(error)) for pair_id in pair_ids]
        latency_s, cost_usd = time.perf_counter() - start, asked.gateway.cost_usd / len(pair_ids)
        made_by = {"matcher": self.matcher, "model": model.name, "prompt": self.prompt_id, "prompts_sha": self.sha, **asked.gateway.spent()}
        if model.reasoning_effort is not None:
            made_by["reasoning_effort"] = model.reasoning_effort
        told = [replace(one, cost_usd=cost_usd, latency_s=latency_s, provenance={**one.provenance, **made_by}) for one in decisions]
        if ctx.on_decision is not None:
            for decision in told:
                ctx.on_decision(decision)
        return told


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions of one item, and the gateway that counts what they take."""

    prompt: FreePrompt
    gateway: ItemGateway
    model: ModelSettings
    scope: CallScope

    async def ask(self, variables: dict[str, str], reply: type[ReplyT]) -> ReplyT:
        """The typed reply to the prompt with these variables.

        Raises:
            ModelError: the call failed, or the reply did not fit even after one repair.
        """
        # Structured calls bring in instructor, which costs seconds to import.
        from epm.gateway.structured import ask

        prompt = load_prompt(self.prompt.prompt_id)
        system, user = prompt.render(**variables)
        scope = replace(self.scope, prompt_id=prompt.id, prompt_sha=prompt.sha256, sample_index=self.model.sample)
        answered = await ask(self.gateway, model=self.model, system=system, user=user, response_model=reply, task=None, scope=scope)
        return answered.value


def with_rule(matcher: str, arg: str | None) -> bool:
    """Whether the identity rule stands in the prompt, as the ARG of ``NAME[:no-rule]`` says.

    Raises:
        ConfigError: the ARG says something else.
    """
    if arg not in {None, NO_RULE_OPTION}:
        raise ConfigError(
            f"matcher {matcher!r} takes {NO_RULE_OPTION!r} after its colon, got {arg!r}: write {matcher!r} or '{matcher}:{NO_RULE_OPTION}'"
        )
    return arg is None
