"""The options of every command that can cost money, said once: caps, prices, ``--dry-run`` and ``--estimate``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.panels import MONEY
from epm.cli.streams import note

if TYPE_CHECKING:
    from epm.estimate.estimate import Estimate
    from epm.estimate.interval import Interval
    from epm.estimate.preview import Preview
    from epm.gateway.bounds import Bounds
    from epm.gateway.request import ModelSettings

_CAP_HOLDS = "of the run with all its resumptions, or, for match, bench and audit, of this one command"


@dataclass(frozen=True)
class Pricing:
    """What the user said a model costs; the fields' annotations are the options of the command line."""

    price: Annotated[
        str | None,
        typer.Option(metavar="IN,OUT", help="Price of the model in USD for a million tokens; 0,0 is free.", rich_help_panel=MONEY),
    ] = None
    base_model: Annotated[
        str | None, typer.Option(help="Listed model whose price holds, for deployments and fine-tunes.", rich_help_panel=MONEY)
    ] = None

    def priced(self, model: ModelSettings) -> ModelSettings:
        """The model with what was said of its price.

        Raises:
            ConfigError: the price is malformed, or the base model is not listed.
        """
        from dataclasses import replace

        from epm.errors import ConfigError
        from epm.gateway.misplaced import refuse_misplaced_keys
        from epm.gateway.prices import parse_price, price_of

        refuse_misplaced_keys({"base_model": self.base_model, "price": self.price})
        if self.price is not None and self.base_model is not None:
            raise ConfigError(
                f"--price {self.price!r} and --base-model {self.base_model!r} both say what the model costs; give one of them"
            )
        model = replace(model, base_model=self.base_model)
        if self.price is not None:
            price = parse_price(self.price)
            model = replace(model, price_in_usd=price.in_usd, price_out_usd=price.out_usd)
        price_of(model)
        return model


@dataclass(frozen=True)
class Caps:
    """What may be spent."""

    max_cost_usd: Annotated[
        float | None, typer.Option(min=0, help=f"Cap in USD: {_CAP_HOLDS}; beside --budget, of that.", rich_help_panel=MONEY)
    ] = None
    max_tokens: Annotated[int | None, typer.Option(min=0, help=f"Cap on tokens, in and out: {_CAP_HOLDS}.", rich_help_panel=MONEY)] = None
    max_item_cost_usd: Annotated[
        float | None, typer.Option(min=0, help="Cap in USD for each item; one that needs more fails.", rich_help_panel=MONEY)
    ] = None
    budget: Annotated[
        str | None,
        typer.Option(help="Name of a budget in the store that several commands share; --max-cost-usd sets it.", rich_help_panel=MONEY),
    ] = None

    def bounds(self) -> Bounds:
        """The caps."""
        from epm.gateway.bounds import Bounds

        return Bounds(self.max_cost_usd, self.max_tokens, self.max_item_cost_usd, self.budget)


@dataclass(frozen=True)
class Money(Pricing, Caps):
    """What the user said about money, and whether to look before spending any."""

    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the prompt of every role with its tokens, and how many items would run; send nothing.",
            rich_help_panel=MONEY,
        ),
    ] = False
    estimate: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="N",
            help="Run N random items, for at most $0.50, and say what the rest will cost; 50 is a good N.",
            rich_help_panel=MONEY,
        ),
    ] = None

    def priced(self, model: ModelSettings) -> ModelSettings:
        """The model with its price; an unknown one is told once on stderr.

        Raises:
            ConfigError: the price is malformed or unknown although money is bounded or to be estimated, or the base model is not listed.
        """
        from epm.errors import ConfigError
        from epm.gateway.prices import price_of, unknown_price

        model = super().priced(model)
        if price_of(model) is None:
            if self.bounds().is_money or self.estimate is not None:
                raise ConfigError(unknown_price(model.name))
            if not self.dry_run:
                note(f"{unknown_price(model.name)}; its calls are not counted in costs")
        return model


def tell(notice: str) -> None:
    """Print a notice on stderr."""
    note(notice)


def show_preview(preview: Preview, *, as_json: bool) -> None:
    """Print what would be asked."""
    typer.echo(json.dumps(preview.to_json(), ensure_ascii=False) if as_json else preview.text())


def show_estimate(estimate: Estimate, *, as_json: bool) -> None:
    """Print what the rest will take."""
    typer.echo(json.dumps(estimate.to_json()) if as_json else "\n".join(_lines(estimate)))


def _lines(estimate: Estimate) -> list[str]:
    from epm.gateway.remedies import describe_failures, remedy_of

    cut = f" of {estimate.n_wanted:,} (a cap was reached: dear items may be missing)" if estimate.is_cut else ""
    failed = f", {estimate.n_failed:,} of them failed ({describe_failures(estimate.failed_by_class)})" if estimate.n_failed else ""
    doubt = (
        f"not to be relied on, for half of the sample or more failed: {remedy_of(estimate.failed_by_class)}"
        if estimate.is_doubtful
        else None
    )
    lines = [
        f"sample: {estimate.n_sampled:,} items{cut}{failed}, ${estimate.paid_usd:.4f} paid",
        *([] if doubt is None else [doubt]),
        f"the {estimate.n_rest:,} items left will take, with 90 % intervals:",
        f"  calls   {_span(estimate.calls, ',.0f')}",
        f"  tokens  {_span(estimate.tokens, ',.0f')}",
        f"  cost    {_span(estimate.cost_usd, ',.4f', '$')}",
    ]
    if estimate.affordable is not None:
        lines.append(f"  ${estimate.left_usd:,.4f} left in the budget: buys {_span(estimate.affordable, ',.0f')} of them")
    return lines


def _span(interval: Interval, form: str, sign: str = "") -> str:
    low, value, high = (f"{sign}{format(number, form)}" for number in (interval.low, interval.value, interval.high))
    return f"{value} ({low} to {high})"
