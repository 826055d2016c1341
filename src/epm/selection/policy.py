"""How pairs are chosen: how many, by which signals at which weights, and how many of them at random."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from epm.errors import ConfigError


class Signal(StrEnum):
    """What speaks for a pair, each in [0, 1]."""

    UNCERTAINTY = "uncertainty"
    DISAGREEMENT = "disagreement"
    VALUE = "value"
    DIVERSITY = "diversity"


@dataclass(frozen=True, slots=True)
class SelectionPolicy:
    """``n`` pairs, of which ``random_share`` in [0, 1] are drawn from all candidates alike, the others by weighted signals.

    A signal without a weight, or with weight 0, does not count. ``seed`` decides the random pairs, and ties.
    """

    n: int
    weights: Mapping[Signal, float]
    random_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ConfigError(f"{self.n} pairs cannot be chosen: use 1 or more")
        if not 0.0 <= self.random_share <= 1.0:
            raise ConfigError(f"random share {self.random_share} is not allowed: use a number from 0 to 1")
        wrong = next(((name, weight) for name, weight in self.weights.items() if not (weight >= 0 and math.isfinite(weight))), None)
        if wrong is not None:
            raise ConfigError(f"weight {wrong[1]} of {wrong[0].value} is not allowed: use a number from 0")
        if not math.isfinite(sum(self.weights.values())):
            raise ConfigError("the weights add up to no number: use smaller ones, e.g. uncertainty=1")
        if not sum(self.weights.values()):
            raise ConfigError("no signal has a weight: give at least one a number above 0, e.g. uncertainty=1")

    @property
    def n_random(self) -> int:
        """How many pairs are drawn at random."""
        return round(self.n * self.random_share)

    def weight(self, signal: Signal) -> float:
        """The weight of a signal in [0, 1]; those of all signals add up to 1."""
        return self.weights.get(signal, 0.0) / sum(self.weights.values())


def default_weights(*, n_matchers: int, has_value: bool) -> dict[Signal, float]:
    """Weight 1 for every signal that there is something to read from."""
    present = {Signal.DISAGREEMENT: n_matchers > 1, Signal.VALUE: has_value}
    return {signal: 1.0 for signal in Signal if present.get(signal, True)}


def parse_weights(texts: list[str]) -> dict[Signal, float]:
    """The weights written as ``NAME=NUMBER``.

    Raises:
        ConfigError: a name is unknown or stands twice, or a number is none.
    """
    found: dict[Signal, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            signal, weight = Signal(name.strip()), float(number)
        except ValueError as error:
            raise ConfigError(f"weight {text!r} is not NAME=NUMBER: use one of {', '.join(Signal)}, e.g. uncertainty=1") from error
        if signal in found:
            raise ConfigError(f"weight of {signal.value} stands twice: give it once")
        found[signal] = weight
    return found
