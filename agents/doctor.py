"""What a model can do for the agents: one structured call in each mode, one repair, one tool call, and what they say of cost.

Nothing of the user's is sent: the probes are about an invented kettle. Each probe is at most two physical calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from epm.errors import ErrorClass, ModelError
from epm.gateway.gateway import Gateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest, ModelSettings, StructuredMode
from epm.gateway.retry_after import repeat_after
from epm.prompts.library import load_prompt

_WANTED = 2
_REMEDIES = {
    ErrorClass.AUTH: "set the key's variable and name it with --api-key-env",
    ErrorClass.CONNECTION: "check --api-base, and that the server runs",
    ErrorClass.TIMEOUT: "raise --timeout-s, or ask a smaller model",
    ErrorClass.OVERLOADED: "wait, and repeat the command",
    ErrorClass.NO_CREDIT: "add money or raise the limit at the provider, or name the key of another account",
    ErrorClass.BAD_REQUEST: "check the model's name and --api-base",
    ErrorClass.RATE_LIMITED: "wait, or use another account",
    ErrorClass.TRUNCATED: "the model writes too much before its answer: use one without a thinking phase, or raise --reply-tokens",
    ErrorClass.INVALID_STRUCTURE: "the model does not keep to the schema: try the other mode, or a larger model",
}

_UNREACHED = frozenset({ErrorClass.CONNECTION, ErrorClass.TIMEOUT, ErrorClass.OVERLOADED, ErrorClass.RATE_LIMITED, ErrorClass.NO_CREDIT})
"""The server or the account answers no probe now: each further one would wait as long for the same."""


class StructuredProbe(BaseModel):
    """The reply of the structured probe."""

    model_config = ConfigDict(extra="forbid")

    reason: str
    label: Literal["match", "no_match"]


class RepairProbe(BaseModel):
    """The reply of the repair probe: the value asked for is refused once, with the value that is wanted."""

    model_config = ConfigDict(extra="forbid")

    value: int

    @field_validator("value")
    @classmethod
    def _refuse(cls, value: int) -> int:
        if value != _WANTED:
            msg = f"the value must be {_WANTED}, not {value}"
            raise ValueError(msg)
        return value


@dataclass(frozen=True, slots=True)
class Check:
    """One probe: whether it worked, what came of it, what to do where it did not; ``is_final`` where the next would end the same."""

    name: str
    is_ok: bool
    detail: str
    remedy: str | None = None
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All probes of one model. ``structured`` is the mode to use, ``None`` if neither works."""

    model: str
    checks: tuple[Check, ...]
    structured: StructuredMode | None

    @property
    def is_usable(self) -> bool:
        """True if the model can teach and judge: one structured mode works."""
        return self.structured is not None


class _Watched:
    """A gateway that remembers the last reply, for what it says of tokens, cost and model."""

    def __init__(self, inner: Gateway) -> None:
        self._inner = inner
        self.last: ChatReply | None = None
        self.n_calls = 0

    async def send(self, request: ChatRequest, scope: CallScope) -> ChatReply:
        self.n_calls += 1
        self.last = await self._inner.send(request, scope)
        return self.last


async def examine(gateway: Gateway, model: ModelSettings) -> Diagnosis:
    """The diagnosis of a model; a failed probe is a finding, never an exception."""
    watched = _Watched(gateway)
    checks: list[Check] = []
    working: list[StructuredMode] = []
    for mode in StructuredMode:
        check = await _probe(f"structured answer, {mode.value}", partial(_structured, watched, replace(model, structured=mode)))
        checks.append(check)
        if check.is_final:
            return Diagnosis(model.name, tuple(checks), None)
        if check.is_ok:
            working.append(mode)
        if mode is StructuredMode.JSON_SCHEMA and check.is_ok:
            checks.append(_strictness(model))
    first = next(iter(working), None)
    usable = replace(model, structured=first or model.structured)
    if first is not None:
        checks.append(await _probe("repair of a refused answer", partial(_repaired, watched, usable)))
    checks.append(await _probe("tool call", partial(_tool, watched, usable)))
    if watched.last is not None:
        checks.extend(_told(watched.last, model))
    return Diagnosis(model.name, tuple(checks), first)


async def _probe(name: str, probe: Callable[[], Awaitable[str]]) -> Check:
    try:
        return Check(name, is_ok=True, detail=await probe())
    except ModelError as error:
        remedy = _REMEDIES.get(error.error_class)
        if error.retry_after_s is not None and error.error_class.is_retryable:
            remedy = f"repeat after {repeat_after(error.retry_after_s)}"
        is_final = error.error_class in _UNREACHED
        return Check(name, is_ok=False, detail=f"{error.error_class.value}: {error}", remedy=remedy, is_final=is_final)


async def _structured(gateway: _Watched, model: ModelSettings) -> str:
    from epm.gateway.structured import ask

    before = gateway.n_calls
    system, user = load_prompt("doctor/structured.v1").render()
    answered = await ask(
        gateway, model=model, system=system, user=user, response_model=StructuredProbe, task=None, scope=_scope("structured")
    )
    calls = gateway.n_calls - before
    return f"{answered.value.label!r} after {calls} call{'s' if calls > 1 else ''}"


def _strictness(model: ModelSettings) -> Check:
    """Whether the answer by schema came strictly: each model is asked so first, and without where its server refuses that."""
    from epm.gateway.structured import takes_strict_schemas

    if takes_strict_schemas(model.name):
        return Check("strict schema", is_ok=True, detail="taken: replies cannot err in form where the server keeps to it")
    refused = "refused: the same schema is asked for without, and replies may need a repair"
    return Check(
        "strict schema",
        is_ok=False,
        detail=refused,
        remedy="nothing to set: epm found it out; expect more repairs, or take a server that knows strict schemas",
    )


async def _repaired(gateway: _Watched, model: ModelSettings) -> str:
    from epm.gateway.structured import ask

    before = gateway.n_calls
    system, user = load_prompt("doctor/repair.v1").render()
    await ask(gateway, model=model, system=system, user=user, response_model=RepairProbe, task=None, scope=_scope("repair"))
    return (
        "the correction was taken" if gateway.n_calls - before > 1 else "no repair was needed: the model guessed the value that was wanted"
    )


async def _tool(gateway: _Watched, model: ModelSettings) -> str:
    from langchain_core.messages import HumanMessage, SystemMessage

    from epm.gateway.chat_model import bound_chat_model
    from epm.graph_call import call_graph

    def look_up(offer_id: str) -> str:
        """The price of an offer."""
        return offer_id

    system, user = load_prompt("doctor/tools.v1").render()
    chat = bound_chat_model(gateway, model, _scope("tools"), None).bind_tools([look_up])
    answered = await call_graph(chat, [SystemMessage(system), HumanMessage(user)])
    calls = getattr(answered, "tool_calls", [])
    if not calls:
        msg = "the model answered in words instead of calling the tool: open questions will stay unresearched"
        raise ModelError(msg, ErrorClass.UNSUPPORTED)
    return f"called {calls[0]['name']} with {calls[0]['args']}"


def _told(reply: ChatReply, model: ModelSettings) -> list[Check]:
    counted = Check(
        "token counts", is_ok=not reply.usage.is_estimated, detail=f"{reply.usage.prompt_tokens} in, {reply.usage.completion_tokens} out"
    )
    if reply.usage.is_estimated:
        counted = replace(counted, detail="the server sends none: they are estimated", remedy="costs and token caps will be rough")
    is_priced = reply.cost_usd is not None
    priced = Check("price", is_ok=is_priced, detail=f"${reply.cost_usd:.6f} for the last call" if is_priced else "unknown")
    if not is_priced:
        priced = replace(priced, remedy="give it with --price IN,OUT (USD for a million tokens), or name --base-model")
    asked = model.name.rpartition("/")[2]
    named = Check("model that answered", is_ok=True, detail=f"{reply.model!r}" + ("" if asked in reply.model else f", asked for {asked!r}"))
    return [counted, priced, named]


def _scope(probe: str) -> CallScope:
    prompt = load_prompt(f"doctor/{probe}.v1")
    return CallScope(None, None, f"doctor/{probe}", prompt.id, prompt.sha256)
