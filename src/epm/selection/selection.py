"""Choosing the pairs worth paying for, out of many candidates, each with its reason.

    policy = SelectionPolicy(5000, default_weights(n_matchers=2, has_value=False))
    selection = select(pairs, policy, matchers=[make_matcher("evidence-rules"), make_matcher("model-token")])
    write_pairs("chosen.parquet", selection.pairs())

Gold labels, cluster ids and unknown columns reach no matcher. The choice depends on the set of candidates and the seed, not
on their order. The random part is drawn first and from all candidates, so it alone gives unbiased estimates about them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from epm.errors import ConfigError, DataError
from epm.matcher import MatchContext, Matcher
from epm.pair import Pair
from epm.progress import ProgressSink, silent
from epm.selection.choosing import Choice, Chosen, choose, pair_vectors
from epm.selection.opinions import FloatArray, Opinions, ask, disagreement, mean_uncertainty
from epm.selection.policy import SelectionPolicy, Signal
from epm.selection.value import Values, read_values

BY_SCORE, AT_RANDOM = "score", "random"


@dataclass(frozen=True, slots=True)
class SelectedPair:
    """A chosen pair: why, and its signals; ``by`` is ``score`` or ``random``. ``score`` and signals are in [0, 1]."""

    pair: Pair
    by: str
    score: float
    signals: Mapping[Signal, float]
    reason: str

    def extras(self, order: int) -> dict[str, object]:
        """The columns that say all this in a pair file."""
        signals = {f"select_{signal.value}": round(value, 4) for signal, value in self.signals.items()}
        return {"select_order": order, "select_by": self.by, "select_score": round(self.score, 4), **signals, "select_reason": self.reason}


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen pairs: the random ones, then the others from the highest score down; and what the choice was made of.

    ``means`` are each signal's mean over all candidates and over the pairs chosen by score.
    """

    chosen: tuple[SelectedPair, ...]
    n_candidates: int
    n_near_duplicates: int
    n_failed: Mapping[str, int]
    n_without_value: int | None
    means: Mapping[Signal, tuple[float, float | None]]

    def pairs(self) -> Iterator[Pair]:
        """The chosen pairs as they came, with the reasons among their extras."""
        for order, one in enumerate(self.chosen, start=1):
            yield replace(one.pair, extras=MappingProxyType({**one.pair.extras, **one.extras(order)}))

    def figures(self) -> dict[str, object]:
        """What was chosen from what, as JSON values; ``random_rate`` is the chance that any candidate had of the random part."""
        n_random = sum(one.by == AT_RANDOM for one in self.chosen)
        return {
            "n_candidates": self.n_candidates, "n_chosen": len(self.chosen), "n_random": n_random,
            "random_rate": n_random / self.n_candidates, "n_near_duplicates": self.n_near_duplicates, "n_failed": dict(self.n_failed),
            "n_without_value": self.n_without_value,
            "means": {
                signal.value: {"candidates": round(every, 4), "by_score": None if chosen is None else round(chosen, 4)}
                for signal, (every, chosen) in self.means.items()
            },
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Read:
    """Everything known about the candidates, in their seeded order."""

    pairs: tuple[Pair, ...]
    opinions: tuple[Opinions, ...]
    values: Values | None
    signals: Mapping[Signal, FloatArray]


def select(
    pairs: Sequence[Pair], policy: SelectionPolicy, *, matchers: Sequence[Matcher], value_column: str | None = None,
    ctx: MatchContext | None = None, on_progress: ProgressSink = silent,
) -> Selection:  # fmt: skip
    """The pairs to pay for.

    Raises:
        ConfigError: a weighed signal has nothing to be read from, or two pairs share an id.
        DataError: there are no more candidates than are wanted, or the value column holds no number.
    """
    _check(pairs, policy, matchers, value_column)
    ordered = tuple(sorted(pairs, key=lambda pair: _draw(policy.seed, pair.id)))
    values = None if value_column is None else read_values(ordered, value_column)
    opinions = tuple(ask(matcher, ordered, ctx or MatchContext(), on_progress=on_progress) for matcher in matchers)
    if policy.weight(Signal.UNCERTAINTY) and not any(opinion.is_graded for opinion in opinions):
        names = ", ".join(opinion.matcher for opinion in opinions)
        raise ConfigError(f"no probability of {names} says how sure it is: drop the weight of uncertainty, or use a matcher that does")
    read = _Read(ordered, opinions, values, _signals(policy, opinions, values))
    base = np.zeros(len(ordered)) + sum(policy.weight(signal) * value for signal, value in read.signals.items())
    weight = policy.weight(Signal.DIVERSITY)
    at_random = range(policy.n_random)  # the seeded order is a random one
    found = choose(base, pair_vectors(ordered) if weight else None, weight=weight, n=policy.n - len(at_random), before=at_random)
    return _selection(read, at_random, found, base, policy)


def _check(pairs: Sequence[Pair], policy: SelectionPolicy, matchers: Sequence[Matcher], value_column: str | None) -> None:
    needs = {
        Signal.UNCERTAINTY: (bool(matchers), "a matcher that gives probabilities"),
        Signal.DISAGREEMENT: (len(matchers) > 1, "two matchers or more"),
        Signal.VALUE: (value_column is not None, "a value column"),
    }
    for signal, (is_there, what) in needs.items():
        if policy.weight(signal) and not is_there:
            raise ConfigError(f"the signal {signal.value} needs {what}: name it, or give {signal.value} no weight")
    if value_column is not None and not policy.weight(Signal.VALUE):
        raise ConfigError(f"the value column {value_column!r} has no weight: add value=1, or leave the column out")
    if len(pairs) <= policy.n:
        raise DataError(
            f"{policy.n} pairs are wanted of {len(pairs)} candidates: there is nothing to choose; use all of them, or want fewer"
        )
    if len({pair.id for pair in pairs}) < len(pairs):
        raise ConfigError("two candidates share an id, so the choice could not name one; ids must be unique")


def _draw(seed: int, pair_id: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{pair_id}".encode("utf-8", "surrogatepass")).digest()


def _signals(policy: SelectionPolicy, opinions: Sequence[Opinions], values: Values | None) -> dict[Signal, FloatArray]:
    found: dict[Signal, FloatArray] = {}
    if policy.weight(Signal.UNCERTAINTY):
        found[Signal.UNCERTAINTY] = mean_uncertainty(opinions)
    if policy.weight(Signal.DISAGREEMENT):
        found[Signal.DISAGREEMENT] = disagreement(opinions)
    if values is not None:
        found[Signal.VALUE] = values.ranks
    return found


def _selection(read: _Read, at_random: Sequence[int], found: Chosen, base: FloatArray, policy: SelectionPolicy) -> Selection:
    drawn = f"drawn at random, {len(at_random)} of {len(read.pairs)}"
    random_ones = [_selected(read, Choice(place, float(base[place]), None), AT_RANDOM, drawn) for place in at_random]
    by_score = [_selected(read, choice, BY_SCORE, _reason(read, choice, policy)) for choice in found.choices]
    places = [choice.place for choice in found.choices]
    means = {signal: (float(every.mean()), float(every[places].mean()) if places else None) for signal, every in read.signals.items()}
    return Selection(
        chosen=(*random_ones, *by_score), n_candidates=len(read.pairs), n_near_duplicates=found.n_near_duplicates,
        n_failed={opinion.matcher: int(opinion.has_failed.sum()) for opinion in read.opinions},
        n_without_value=None if read.values is None else read.values.n_missing, means=means,
    )  # fmt: skip


def _selected(read: _Read, choice: Choice, by: str, reason: str) -> SelectedPair:
    return SelectedPair(read.pairs[choice.place], by, choice.score, _signals_of(read, choice), reason)


def _signals_of(read: _Read, choice: Choice) -> dict[Signal, float]:
    found = {signal: float(values[choice.place]) for signal, values in read.signals.items()}
    return found if choice.diversity is None else {**found, Signal.DIVERSITY: choice.diversity}


def _reason(read: _Read, choice: Choice, policy: SelectionPolicy) -> str:
    """The weighed signals, the one that adds most to the score first, each with what it was read from."""
    values = _signals_of(read, choice)
    parts = sorted(((policy.weight(signal) * value, signal) for signal, value in values.items()), key=lambda part: -part[0])
    return "; ".join(f"{signal.value} {values[signal]:.2f}{_source(read, choice.place, signal)}" for added, signal in parts if added > 0)


def _source(read: _Read, place: int, signal: Signal) -> str:
    if signal is Signal.UNCERTAINTY:
        said = [f"{one.matcher} {one.probabilities[place]:.2f}" for one in read.opinions if not np.isnan(one.probabilities[place])]
    elif signal is Signal.DISAGREEMENT:
        words = {1.0: "match", 0.0: "no_match"}
        said = [f"{one.matcher} {words.get(float(one.labels[place]), 'undecided')}" for one in read.opinions]
    elif signal is Signal.VALUE and read.values is not None:
        said = [f"{read.values.column} {read.values.amounts[place]:g}"]
    else:
        said = ["from the nearest chosen pair"]
    return f" ({', '.join(said)})" if said else ""
