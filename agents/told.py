"""Label-conditioned teaching: a matcher that is told the label of each pair and explains it.

What comes of it teaches how a label is argued. It says nothing of how well the teacher decides, and must never pass for
blind work: it has a prompt of its own, another run identity, and a mark on every decision.
"""

from __future__ import annotations

from collections.abc import Sequence

from epm.errors import ConfigError, DataError
from epm.gateway.request import ModelSettings
from epm.matcher import LabelExplaining, Matcher
from epm.pair import Pair

_RULES = "rules"
_HELD_OUT = frozenset({"valid", "validation", "dev", "test"})
"""Splits whose labels choose thresholds and measure: a rationale that argues one of them is no measurement any more."""


def require_explainer(model: ModelSettings) -> None:
    """Nothing, when the model can be told a label.

    Raises:
        ConfigError: the rules would answer: they read no label, and would decide blind under a mark that says otherwise.
    """
    if model.name == _RULES:
        msg = f"--with-labels needs a model that reads the label, and --model {_RULES!r} cannot: name a model, or teach without labels"
        raise ConfigError(msg)


def told_matcher(matcher: Matcher, pairs: Sequence[Pair]) -> Matcher:
    """The matcher that is told the gold labels of these pairs.

    Raises:
        ConfigError: it cannot be told any.
        DataError: a pair has none, for blind and told rationales never stand in one run; or a pair is held out for evaluation.
    """
    if not isinstance(matcher, LabelExplaining):
        raise ConfigError(f"matcher {matcher.name!r} cannot be told labels: use 'multi-agent-rag' with --with-labels, or leave it out")
    unlabelled = [pair.id for pair in pairs if pair.gold_label is None]
    if unlabelled:
        msg = (
            f"--with-labels: {len(unlabelled)} of {len(pairs)} pairs have no gold_label, the first is {unlabelled[0]!r}; "
            "label them, or take them out and teach them blind in a run of their own"
        )
        raise DataError(msg)
    held_out = [pair for pair in pairs if pair.split is not None and pair.split.casefold() in _HELD_OUT]
    if held_out:
        msg = (
            f"--with-labels: {len(held_out)} of {len(pairs)} pairs are of a split that is held out for evaluation, the first is {held_out[0].id!r} "
            f"of {held_out[0].split!r}; their labels must reach no writer: take them out, or teach them blind"
        )
        raise DataError(msg)
    return matcher.with_labels({pair.id: pair.gold_label for pair in pairs if pair.gold_label is not None})
