"""Options that several commands share, said once so that they read and work alike everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.asked_model import asked_model
from epm.cli.asking import Asking
from epm.cli.money import Money, show_estimate, show_preview
from epm.cli.panels import LIMITS, MODEL, OUTPUT
from epm.cli.streams import note
from epm.config import DEFAULT_STORE
from epm.errors import ConfigError
from epm.store.place import StorePlace

if TYPE_CHECKING:
    from epm.matcher import MatchContext
    from epm.pair import Pair
    from epm.progress import ProgressSink


_ERROR_CHARS = 300
"""Enough for what an error says and where; a page of a server would hide the rest."""


class BadRow(StrEnum):
    """What to do with a bad input row."""

    STOP = "stop"
    SKIP = "skip"


Model = Annotated[
    str | None,
    typer.Option(help="Model for matchers that ask one: rules, a litellm name, or @NAME of a profile in epm.toml.", rich_help_panel=MODEL),
]
Identity = Annotated[str, typer.Option(help="What counts as the same: strict, family, per-unit or a .toml file.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Read the first N pairs only.", rich_help_panel=LIMITS)]
OnBadRow = Annotated[BadRow, typer.Option(help="Stop at a bad row, or skip and count it.")]
DEFAULT_PLACE = StorePlace.of(DEFAULT_STORE)
StoreOption = Annotated[
    StorePlace,
    typer.Option(
        "--store",
        parser=StorePlace.of,
        metavar="<path|url>",
        help="Run store: a file, or a PostgreSQL URL.",
        rich_help_panel=OUTPUT,
    ),
]
ModelsStore = Annotated[
    StorePlace | None,
    typer.Option(
        "--store",
        parser=StorePlace.of,
        metavar="<path|url>",
        help="Run store: a file, or a PostgreSQL URL; holds the model's calls, so it needs a model.",
        show_default=str(DEFAULT_STORE),
        rich_help_panel=OUTPUT,
    ),
]


@contextmanager
def matching_context(
    specs: list[str], *, model: str | None, asking: Asking, identity: str, store: StorePlace | None, money: Money
) -> Iterator[MatchContext]:
    """The context in which the matchers of a command run; in a dry run it leads nowhere.

    Raises:
        ConfigError: the identity rule is unknown, the matchers name several models, or a price is unknown and needed.
    """
    from epm.estimate.estimate import sample_bounds
    from epm.identity import load_identity_rule
    from epm.matcher import MatchContext
    from epm.matching import named_model, open_context

    rule = load_identity_rule(identity)
    asked = named_model(specs) if model is None else model
    asking.require_use(asked)
    settings = None if asked is None else asked_model(asked, asking, money)
    if store is not None and settings is None:
        note(f"epm: note: nothing is written to {store.shown!r}: it holds a model's calls, and no model is asked here")
    if money.dry_run:
        yield MatchContext(identity=rule, model=settings)
        return
    bounds = money.bounds() if money.estimate is None else sample_bounds(money.bounds())
    with open_context(
        specs, model=settings, identity=rule, store=store, bounds=bounds, concurrency=asking.concurrency, record=asking.record
    ) as ctx:
        yield replace(ctx, timeout_s=asking.timeout_s)


def is_only_asked_for(
    money: Money, pairs: Sequence[Pair], specs: list[str], *, ctx: MatchContext, as_json: bool, on_progress: ProgressSink
) -> bool:
    """True when a dry run or an estimate was wanted, and printed: the command itself has nothing more to do."""
    from epm.estimate.matching import estimate_matching, preview_matching

    if money.dry_run:
        show_preview(preview_matching(pairs, specs, ctx=ctx), as_json=as_json)
    elif money.estimate is not None:
        show_estimate(estimate_matching(pairs, specs, money.estimate, ctx=ctx, on_progress=on_progress), as_json=as_json)
    return money.dry_run or money.estimate is not None


def first_error(pair_id: str, error: str | None) -> str:
    """Which pair failed first and with what words, in one line."""
    words = " ".join((error or "nothing was said").split())
    return f"the first, {pair_id!r}: {words if len(words) <= _ERROR_CHARS else words[:_ERROR_CHARS] + '…'}"


def refuse_total_failure(failed_by_class: Mapping[str, int], n_items: int, hint: str) -> None:
    """Nothing, when at least one item was decided: a script must not take a run without any result for a success.

    Raises:
        ConfigError: every item failed; says with which classes, and what to do about the commonest.
    """
    from epm.errors import ErrorClass
    from epm.gateway.remedies import describe_failures, remedy_of

    failed = {ErrorClass(name): count for name, count in failed_by_class.items()}
    if n_items and sum(failed.values()) == n_items:
        raise ConfigError(f"all {n_items} items failed ({describe_failures(failed)}): {remedy_of(failed)}; {hint}")
