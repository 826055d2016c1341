"""A bench whose rows differ in more than the matcher: each runs in a context of its own, one after another.

Caps hold for all rows together: each row may spend what those before it left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from epm.config import DEFAULT_TIMEOUT_S
from epm.errors import ConfigError
from epm.estimate.matching import preview_matching
from epm.estimate.preview import Preview
from epm.eval.bench import BenchReport, bench_matchers, matcher_label
from epm.gateway.bounds import Bounds
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import ModelSettings
from epm.identity import IdentityRule
from epm.matcher import MatchContext, Matcher, require_usable
from epm.matching import open_context
from epm.pair import Pair
from epm.progress import ProgressSink, silent
from epm.registry import make_matcher
from epm.session import egress_in_force, open_transport, require_price
from epm.store.place import AnyPlace


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A matcher with what it runs in; ``name`` is how the table calls it, ``None`` for the matcher and its model."""

    spec: str
    model: ModelSettings | None
    identity: IdentityRule
    name: str | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S

    @property
    def label(self) -> str:
        """The row's name in the table."""
        return matcher_label(self.spec, self.model) if self.name is None else self.name


@dataclass(frozen=True, slots=True)
class RowSettings:
    """What all rows share. ``record`` names a cassette that every reply is added to."""

    store: AnyPlace | None
    bounds: Bounds
    concurrency: int
    record: Path | None = None


def bench_plan(
    pairs: Sequence[Pair], plan: Sequence[PlannedRow], shared: RowSettings, *, valid: Sequence[Pair] | None = None,
    plan_sha: str | None = None, on_progress: ProgressSink = silent,
) -> BenchReport:  # fmt: skip
    """Figures of every row on the labelled pairs; all rows are made, and their models looked at, before one runs.

    Raises:
        ConfigError: two rows have one name, a spec cannot be made into a matcher, or a model cannot be asked.
        DataError: no labelled pair, or validation pairs on which no threshold can be chosen.
        BudgetError: a cap was reached.
    """
    matchers = _made(plan)
    for row, matcher in zip(plan, matchers, strict=True):
        _require_open(row, matcher, shared.bounds)
    reports: list[BenchReport] = []
    bounds = shared.bounds
    for row, matcher in zip(plan, matchers, strict=True):
        with open_context(
            [row.spec], model=row.model, identity=row.identity, store=shared.store, bounds=bounds, concurrency=shared.concurrency,
            record=shared.record,
        ) as opened:  # fmt: skip
            ctx = replace(opened, timeout_s=row.timeout_s)
            reports.append(bench_matchers(pairs, [(row.label, matcher)], ctx=ctx, valid=valid, on_progress=on_progress))
            if isinstance(ctx.gateway, MeteredGateway):
                bounds = ctx.gateway.budget.rest()
    return replace(reports[0], results=tuple(result for report in reports for result in report.results), plan_sha=plan_sha)


def preview_plan(pairs: Sequence[Pair], plan: Sequence[PlannedRow]) -> Preview:
    """The first prompts of every row, which no model sees."""
    _made(plan)
    seen = [preview_matching(pairs, [row.spec], ctx=MatchContext(identity=row.identity, model=row.model)) for row in plan]
    return Preview(len(pairs), [prompt for preview in seen for prompt in preview.prompts])


def _made(plan: Sequence[PlannedRow]) -> list[Matcher]:
    """The matcher of every row; raises ``ConfigError`` for two rows of one name."""
    places: dict[str, int] = {}
    for number, row in enumerate(plan, start=1):
        earlier = places.setdefault(row.label, number)
        if earlier != number:
            raise ConfigError(f"rows {earlier} and {number} are both called {row.label!r}: give one of them a name")
    return [make_matcher(row.spec) for row in plan]


def _require_open(row: PlannedRow, matcher: Matcher, bounds: Bounds) -> None:
    """Nothing, when the row's model can be asked, and by it: what is wrong with the last row must not show after the first was paid."""
    gateway = None
    if row.model is not None:
        require_price(row.model, bounds)
        with egress_in_force(row.model):
            gateway = MeteredGateway(open_transport(row.model), None)
    require_usable([matcher], MatchContext(model=row.model, gateway=gateway))
