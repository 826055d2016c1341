"""Matching pairs from Python in one call: :func:`match` is synchronous and safe in notebooks.

result = epm.match(pairs, "evidence-rules")
result[0].label, result.to_pandas()
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, overload

from epm.config import DEFAULT_CONCURRENCY, DEFAULT_STORE
from epm.config_file import model_settings
from epm.decision import Decision
from epm.errors import BudgetError, ConfigError, DataError
from epm.gateway.bounds import NO_BOUNDS, Bounds
from epm.gateway.request import ModelSettings
from epm.gateway.watching import with_traffic
from epm.identity import IdentityRule, load_identity_rule
from epm.matcher import Collective, MatchContext, Matcher, Tunable
from epm.pair import Pair
from epm.progress import ProgressEvent, ProgressSink, silent
from epm.registry import make_matcher
from epm.store.place import AnyPlace
from epm.student_text import render
from epm.sync import run_sync

if TYPE_CHECKING:
    import pandas as pd

    from epm.store.store import RunStore

BATCH_SIZE = 64
ASKS_A_MODEL = ("multi-agent-rag", "multi-agent-rag-lean")
"""Built-in matchers whose answers are a model's; their ARG names it."""
OWN_SYSTEMS = ("python", "command")
"""Matchers that run what the user wrote: nobody knows what that sends or costs, so a dry run leaves it alone."""
ASKS_THE_MODEL = ("zero-shot", "cot", "entity-attr", "reasoning", "select", "question-variants")
"""Built-in matchers that ask the model of the context; their ARG says how."""
ROW_FIELDS = (
    "pair_id", "left_id", "right_id", "outcome", "label", "probability", "relation", "factor",
    "cost_usd", "latency_s", "error_class", "error", "rationale",
)  # fmt: skip
"""The columns of a match result, in order; ``rationale`` is ``student-text v1``."""


@dataclass(frozen=True, slots=True)
class MatchResult(Sequence[Decision]):
    """One decision for each pair, in order."""

    pairs: tuple[Pair, ...]
    decisions: tuple[Decision, ...]

    @overload
    def __getitem__(self, index: int) -> Decision: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Decision, ...]: ...
    def __getitem__(self, index: int | slice) -> Decision | tuple[Decision, ...]:
        """The decision at a position."""
        return self.decisions[index]

    def __len__(self) -> int:
        return len(self.decisions)

    def __iter__(self) -> Iterator[Decision]:
        return iter(self.decisions)

    def to_rows(self) -> list[dict[str, object]]:
        """One flat JSON-able row for each pair, with the keys of ``ROW_FIELDS``."""
        return [_row(pair, decision) for pair, decision in zip(self.pairs, self.decisions, strict=True)]

    def counts(self) -> dict[str, int]:
        """How many pairs there are, matched, did not match, abstained and failed."""
        said = Counter(d.outcome.value if d.label is None else d.label.value for d in self.decisions)
        return {"pairs": len(self.decisions), **{name: said[name] for name in ("match", "no_match", "abstained", "failed")}}

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a data frame.

        Raises:
            ConfigError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise ConfigError("to_pandas needs the package 'pandas': pip install 'epm[pandas]'") from error
        return pd.DataFrame(self.to_rows(), columns=list(ROW_FIELDS))


class MatchCutError(BudgetError):
    """A cap was reached; ``result`` holds the pairs that were decided before, in their order.

    Args:
        message: what cap, and what to do.
        result: those pairs and their decisions.
    """

    def __init__(self, message: str, result: MatchResult) -> None:
        super().__init__(message)
        self.result = result


def match(
    pairs: Iterable[Pair], matcher: str, *, identity: str | IdentityRule = "strict", model: str | ModelSettings | None = None, seed: int = 0
) -> MatchResult:
    """Decide pairs with a matcher given as ``NAME`` or ``NAME:ARG``.

    Args:
        pairs: the pairs; gold labels are ignored.
        matcher: a registered name, e.g. ``evidence-rules`` or ``student:FOLDER``.
        identity: what counts as the same: a rule, its name, or the path of its TOML file.
        model: for matchers that ask a model: ``rules``, a litellm name, ``@NAME`` of a profile in ``epm.toml``, or full settings; calls go to the default store.
        seed: passed to the matcher.

    Raises:
        ConfigError: the matcher or the rule is unknown, or an extra is missing.
        DataError: a listing has no title, or an id stands twice.
        MatchCutError: a cost cap was reached.
    """
    rule = load_identity_rule(identity) if isinstance(identity, str) else identity
    settings = model_settings(model, Path.cwd()) if isinstance(model, str) else model
    with open_context([matcher], model=settings, identity=rule, seed=seed) as ctx:
        return match_pairs(tuple(pairs), matcher, ctx=ctx)


def match_pairs(pairs: Sequence[Pair], matcher: str, *, ctx: MatchContext, on_progress: ProgressSink = silent) -> MatchResult:
    """Like :func:`match`, in a context that is open already."""
    made = make_matcher(matcher)
    _check_pairs(pairs)
    return MatchResult(tuple(pairs), tuple(run_sync(decide_all(made, pairs, ctx, stage=matcher, on_progress=on_progress))))


def _check_pairs(pairs: Sequence[Pair]) -> None:
    """Refuse what a pair file would not hold either: no pair, a listing without a title, a repeated id."""
    stranger = next((pair for pair in pairs if not isinstance(pair, Pair)), None)
    if stranger is not None:
        msg = f"a matcher decides Pair objects, got {type(stranger).__name__} {str(stranger)[:60]!r}: build epm.Pair(id, left, right), or read a file with 'epm match'"
        raise ConfigError(msg)
    place_of_id: dict[str, int] = {}
    for place, pair in enumerate(pairs):
        untitled = next((side for side in ("left", "right") if not _has_text(getattr(pair, side).title)), None)
        if untitled is not None:
            raise DataError(f"pair {pair.id!r}: the {untitled} listing has no title; give it one or leave the pair out")
        earlier = place_of_id.setdefault(pair.id, place)
        if earlier != place:
            raise DataError(
                f"pair {pair.id!r} stands twice, as pairs[{earlier}] and pairs[{place}]; ids must be unique: change one or leave one out"
            )


def _has_text(title: object) -> bool:
    return isinstance(title, str) and bool(title.strip())


@contextmanager
def open_context(
    specs: Sequence[str], *, model: ModelSettings | None, identity: IdentityRule, store: AnyPlace | None = None, seed: int = 0,
    bounds: Bounds = NO_BOUNDS, concurrency: int = DEFAULT_CONCURRENCY, record: Path | None = None,
) -> Iterator[MatchContext]:  # fmt: skip
    """What the matchers of these specs need: with a model (given, or named by a spec) a gateway whose calls go to a store.

    Without ``store`` that is the default one of this folder; ``record`` names a cassette that every reply is added to.

    Raises:
        ConfigError: the specs name several models and none was given, or money is bounded and the model's price unknown.
        StoreError: the store cannot be opened.
    """
    named = named_model(specs) if model is None else None
    settings = model if named is None else ModelSettings(named)
    if settings is None:
        yield MatchContext(identity=identity, seed=seed)
        return
    from epm.session import open_session

    place = store or DEFAULT_STORE
    with open_session(store=place, model=settings, concurrency=concurrency, seed=seed, bounds=bounds, record=record) as session:
        is_free = settings.name == "rules" or settings.cassette is not None
        yield MatchContext(
            identity=identity, gateway=session.gateway, model=settings, seed=seed, egress=session.egress, concurrency=concurrency,
            alone=None if is_free or session.store is None else partial(_alone, session.store),
        )  # fmt: skip


def _alone(store: RunStore, name: str) -> AbstractContextManager[object]:
    from epm.store.holding import holding
    from epm.store.leases import DECIDING

    return holding(store, name, DECIDING)


def _name_of_work(stage: str, matcher: Matcher, pairs: Sequence[Pair], ctx: MatchContext) -> str:
    """What is the same when the same pairs are decided in the same way; 12 hex digits, as of a run."""
    model = None if ctx.model is None else (ctx.model.name, ctx.model.api_base, ctx.model.sample)
    how = (stage, matcher.name, matcher.version, ctx.identity.name, ctx.seed, model)
    digest = hashlib.sha256(repr(how).encode("utf-8", "surrogatepass"))
    for pair in pairs:
        digest.update(repr((pair.id, pair.left, pair.right)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:12]


def named_model(specs: Sequence[str]) -> str | None:
    """The model that the matchers' own specs name.

    Raises:
        ConfigError: they name several.
    """
    named = {arg for name, colon, arg in (spec.partition(":") for spec in specs) if name in ASKS_A_MODEL and colon}
    if len(named) > 1:
        raise ConfigError(f"these matchers name {len(named)} models: {sorted(named)}; run each model by itself")
    return named.pop() if named else None


async def decide_all(
    matcher: Matcher, pairs: Sequence[Pair], ctx: MatchContext, *, stage: str = "match", on_progress: ProgressSink = silent
) -> list[Decision]:
    """Every pair's decision, in order, asked for in batches of ``BATCH_SIZE``, or of as many as may be at work at a time.

    A tunable matcher reads corpus statistics from its batch, and a collective one decides pairs together: they get all at once.

    Raises:
        ConfigError: the matcher did not return one decision for each pair in order.
        MatchCutError: a cap was reached; holds what was decided before.
        RunHeldError: another process is deciding the same pairs with the same matcher and model, for money.
    """
    with nullcontext() if ctx.alone is None else ctx.alone(_name_of_work(stage, matcher, pairs, ctx)):
        return await _decide_all(matcher, pairs, ctx, stage=stage, on_progress=on_progress)


async def _decide_all(
    matcher: Matcher, pairs: Sequence[Pair], ctx: MatchContext, *, stage: str, on_progress: ProgressSink
) -> list[Decision]:
    decisions: list[Decision] = []
    heard: dict[str, Decision] = {}  # of the batch at work

    def hear(decision: Decision) -> None:
        heard[decision.pair_id] = decision
        if len(heard) % BATCH_SIZE == 0 and batch_size > max(BATCH_SIZE, ctx.concurrency):
            on_progress(event())  # a batch of everything would show nothing until its end

    def event() -> ProgressEvent:
        known = [*decisions, *heard.values()]
        return ProgressEvent(
            stage, len(pairs), len(known), n_failed=sum(d.error_class is not None for d in known), n_cached=sum(d.is_cached for d in known),
            cost_usd=sum(d.cost_usd for d in known),
        )  # fmt: skip

    batch_size = max(1, len(pairs)) if isinstance(matcher, (Tunable, Collective)) else max(BATCH_SIZE, ctx.concurrency)
    on_progress = with_traffic(on_progress, ctx.gateway)
    on_progress(ProgressEvent(stage, len(pairs), 0))
    for start in range(0, len(pairs), batch_size):
        batch = pairs[start : start + batch_size]
        try:
            decided = await matcher.decide(batch, replace(ctx, on_decision=hear))
        except BudgetError as error:
            on_progress(event())
            raise MatchCutError(str(error), _cut(pairs, [*decisions, *heard.values()])) from error
        if [d.pair_id for d in decided] != [p.id for p in batch]:
            msg = (
                f"matcher {matcher.name!r} returned {len(decided)} decisions for {len(batch)} pairs, or in another order; mend its decide()"
            )
            raise ConfigError(msg)
        decisions.extend(decided)
        heard.clear()
        on_progress(event())
    return decisions


def _cut(pairs: Sequence[Pair], decisions: Sequence[Decision]) -> MatchResult:
    by_id = {decision.pair_id: decision for decision in decisions}
    kept = tuple(pair for pair in pairs if pair.id in by_id)
    return MatchResult(kept, tuple(by_id[pair.id] for pair in kept))


def _row(pair: Pair, decision: Decision) -> dict[str, object]:
    values: Mapping[str, object] = {
        "pair_id": pair.id,
        "left_id": pair.left.id,
        "right_id": pair.right.id,
        "outcome": decision.outcome.value,
        "label": None if decision.label is None else decision.label.value,
        "probability": decision.probability,
        "relation": None if decision.relation is None else decision.relation.value,
        "factor": decision.factor,
        "cost_usd": decision.cost_usd,
        "latency_s": decision.latency_s,
        "error_class": None if decision.error_class is None else decision.error_class.value,
        "error": decision.error,
        "rationale": None if decision.rationale is None else render(decision.rationale),
    }
    return {name: values[name] for name in ROW_FIELDS}
