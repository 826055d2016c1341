"""The matcher ``question-variants[:N]``: each pair's questions asked in N ways, to find out which ways of asking settle it.

    epm teach pairs.jsonl --matcher question-variants:4 --model openai/gpt-4o-mini
    epm export RUN --format question-preferences -o preferences.jsonl

After LeReT (arXiv 2410.23214): the variants differ in the worked cases that the prompt shows, the first shows none. The questions of
each go through recall and research, and the same model decides with what was found. The decision of the first variant that comes to
one is the item's, without a rationale, since nobody verifies it. No gold label is here: scoring is the export's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import cast

from epm.agents.context import PROMPTS, SHOWN_PROMPTS, TeacherContext
from epm.agents.item_gateway import ItemGateway
from epm.agents.nodes.ask import ask_variables
from epm.agents.schemas import AskReply
from epm.agents.state import Readings, TeacherState, blind
from epm.decision import Decision, Outcome
from epm.errors import ConfigError, ErrorClass, ModelError
from epm.gateway.deadline import item_deadline
from epm.knowledge.catalogue import batch_index
from epm.matcher import MatchContext, require_usable
from epm.pair import Pair
from epm.prompts.ask_examples import AskExample, example_sets, examples_sha
from epm.prompts.library import load_prompt, prompts_sha
from epm.relation import Label, Relation
from epm.run import in_turn

NAME = "question-variants"
VERSION = "1"
DEFAULT_VARIANTS = 4
MOST_VARIANTS = 16
_SUMS = ("n_questions", "n_recalled", "n_researched", "n_searches", "n_decisive", "n_decisive_asked", "n_idle_questions")


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of asking, and what came of it. ``reply`` is the question set as JSON text; a failed variant has an ``error_class``."""

    examples: tuple[str, ...]
    reply: str | None = None
    label: Label | None = None
    relation: Relation | None = None
    error_class: ErrorClass | None = None
    n_questions: int = 0
    n_recalled: int = 0
    n_researched: int = 0
    n_searches: int = 0
    n_decisive: int = 0
    n_decisive_asked: int = 0
    n_idle_questions: int = 0


def make(arg: str | None) -> QuestionVariants:
    """The matcher; ``arg`` is how many variants.

    Raises:
        ConfigError: it is no number from 2 to 16.
    """
    n_variants = int(arg) if arg and arg.isdecimal() else DEFAULT_VARIANTS if not arg else 0
    if not 2 <= n_variants <= MOST_VARIANTS:  # noqa: PLR2004  # a preference is between two
        raise ConfigError(f"matcher '{NAME}:{arg}' is not allowed: give a number of variants from 2 to {MOST_VARIANTS}, e.g. '{NAME}:4'")
    return QuestionVariants(n_variants)


class QuestionVariants:
    """Asks about each pair in several ways."""

    def __init__(self, n_variants: int) -> None:
        self.name = f"{NAME}:{n_variants}"
        self.prompts_sha = prompts_sha([*PROMPTS.values(), *SHOWN_PROMPTS.values()])
        self.version = f"{VERSION}+{self.prompts_sha[:12]}+{examples_sha()[:12]}"
        self._n_variants = n_variants

    def refusal(self, ctx: MatchContext) -> str | None:
        """Why nobody can be asked in several ways in this context; ``None`` when a model can."""
        if ctx.model is None or ctx.model.name == "rules":
            return "needs a model that reads prompts: rules ask the same whatever they are shown; name one with --model"
        return None

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        """One decision for each pair, in the same order; the variants stand in its provenance.

        Raises:
            ConfigError: there is no model, or it is ``rules``, which would ask alike in every variant.
        """
        require_usable([self], ctx)
        assert ctx.model is not None  # noqa: S101  # else it is refused
        if ctx.gateway is None:
            raise ConfigError(f"matcher {self.name!r} was given no gateway to its model: run it through epm.match")
        shown = [ctx.egress.visible(pair) for pair in batch]
        index = ctx.knowledge or batch_index(shown)
        base = TeacherContext(ItemGateway(ctx.gateway), ctx.model, ctx.identity, index, time.time(), "", ctx.run_id)
        sets = example_sets(self._n_variants, seed=ctx.seed)

        async def decide(pair: Pair) -> Decision:
            start, gateway = time.perf_counter(), ItemGateway(base.gateway)
            decision = await _explored(blind(pair), sets, replace(base, gateway=gateway, item_id=pair.id))
            spent = {"n_calls": gateway.n_calls, "n_cached": gateway.n_cached, "n_unpriced": gateway.n_unpriced}
            provenance = {"matcher": NAME, "model": base.model.name, "prompts_sha": self.prompts_sha, **decision.provenance, **spent}
            decision = replace(decision, cost_usd=gateway.cost_usd, latency_s=time.perf_counter() - start, provenance=provenance)
            if ctx.on_decision is not None:
                ctx.on_decision(decision)
            return decision

        return await in_turn(shown, decide, concurrency=ctx.concurrency)


async def _explored(pair: Pair, sets: Sequence[tuple[AskExample, ...]], context: TeacherContext) -> Decision:
    found, readings, errors = list[Variant](), cast("Readings | None", None), list[ModelError]()
    for examples in sets:
        ids = tuple(example.id for example in examples)
        try:
            state = await _asked(pair, replace(context, examples=examples))
        except ModelError as error:
            errors.append(error)
            found.append(Variant(ids, error_class=error.error_class))
            continue
        readings = state["readings"]
        found.append(_variant(ids, state))
    told = next((one for one in found if one.error_class is None), None)
    if told is None or readings is None:
        return Decision.failed(pair.id, errors[0].error_class, str(errors[0]))
    system, user = load_prompt(PROMPTS["ask"]).render(**ask_variables(pair, readings, context.identity))
    provenance = {
        **{name: sum(getattr(one, name) for one in found) for name in _SUMS},
        "ask_prompt": {"id": PROMPTS["ask"], "sha256": load_prompt(PROMPTS["ask"]).sha256, "system": system, "user": user},
        "examples_sha": examples_sha(), "variants": [asdict(one) for one in found],
    }  # fmt: skip
    outcome = Outcome.ABSTAINED if told.label is None else Outcome.DECIDED
    return Decision(pair.id, outcome, label=told.label, relation=told.relation, provenance=provenance)


async def _asked(pair: Pair, context: TeacherContext) -> TeacherState:
    # The graph brings in langgraph and langchain.
    from langgraph.errors import GraphRecursionError

    from epm.agents.graph import RECURSION_LIMIT
    from epm.agents.variant_graph import variant_graph
    from epm.graph_call import call_graph

    entry: TeacherState = {"pair": pair}
    try:
        with item_deadline(context.model.item_timeout_s):
            state = await call_graph(variant_graph(), entry, {"recursion_limit": RECURSION_LIMIT}, context=context)
    except GraphRecursionError as error:
        raise ModelError(f"the model kept calling tools: {error}", ErrorClass.INVALID_STRUCTURE) from error
    return cast("TeacherState", state)


def _variant(examples: tuple[str, ...], state: TeacherState) -> Variant:
    sources, coverage, draft = [answer.source for answer in state["answers"]], state["coverage"], state["draft"]
    return Variant(
        examples, AskReply(thinking=state["thinking"], questions=state["questions"]).model_dump_json(), draft.label, draft.relation,
        n_questions=len(state["questions"]), n_recalled=sources.count("recalled"), n_researched=sources.count("researched"),
        n_searches=state["n_searches"], n_decisive=len(coverage.decisive), n_decisive_asked=len(coverage.asked),
        n_idle_questions=coverage.n_idle,
    )  # fmt: skip
