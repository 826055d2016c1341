"""What the ``evidence-model`` sees of a pair: the engine's atoms by attribute, and similarities of the words. Symmetric throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from epm.evidence.compare import Compared, compare_parsed
from epm.evidence.engine import read_listing
from epm.evidence.parsed import ParsedListing
from epm.evidence.verdict import CodeCase, Finding, judge
from epm.matchers.text_features import TEXT_FEATURES, text_features
from epm.matchers.word_statistics import FloatArray, WordStatistics
from epm.pair import Pair
from epm.rationale import AXIS_ATTRIBUTES, Axis, Verdict
from epm.relation import Relation

ATTRIBUTES = tuple(attribute for axis in Axis for attribute in AXIS_ATTRIBUTES[axis] if attribute not in {"name", "edition"})
"""The attributes the engine writes atoms about."""
FEATURES = (
    "gram_cosine",
    *(f"{attribute}_{what}" for attribute in ATTRIBUTES for what in ("verdict", "open", "one_sided")),
    *(f"{axis.value}_{what}" for axis in Axis for what in ("for", "against")),
    *(f"code_{case.value}" for case in CodeCase), "core_score", "name_similarity", "name_conflicts",
    "names_left_over_low", "names_left_over_high", "decisive", "engine_exact", "engine_different",
    *TEXT_FEATURES,
)  # fmt: skip
"""The names of the features, in the order of the columns."""


@dataclass(frozen=True, slots=True)
class ReadPair:
    """A pair as the engine reads it, before any threshold of a model."""

    left: ParsedListing
    right: ParsedListing
    compared: Compared
    finding: Finding


def read_pair(pair: Pair) -> ReadPair:
    """What the engine says about a pair at its default thresholds."""
    left, right = read_listing(pair.left), read_listing(pair.right)
    compared = compare_parsed(left, right)
    return ReadPair(left, right, compared, judge(compared))


def feature_matrix(pairs: Sequence[Pair], read: Sequence[ReadPair], known: WordStatistics) -> FloatArray:
    """The features of N pairs, shape (N, len(FEATURES)); a pair's row does not depend on the other pairs."""
    if not pairs:
        return np.zeros((0, len(FEATURES)))
    cosines = known.gram_cosines([pair.left for pair in pairs], [pair.right for pair in pairs])
    rows = [
        [float(cosine), *_engine_features(one), *text_features(one.left, one.right, (pair.left, pair.right), known)]
        for pair, one, cosine in zip(pairs, read, cosines, strict=True)
    ]
    return np.asarray(rows, dtype=np.float64)


def _engine_features(read: ReadPair) -> list[float]:
    compared, finding = read.compared, read.finding
    left_over = sorted((len(compared.names.left_rest), len(compared.names.right_rest)))
    values = [value for attribute in ATTRIBUTES for value in _attribute_features(compared, attribute)]
    values += [value for axis in Axis for value in _axis_features(compared, axis)]
    values += [float(finding.case is case) for case in CodeCase]
    values += [finding.core_score, compared.names.similarity, float(compared.names.n_conflicts), *map(float, left_over)]
    values += [float(any(atom.is_decisive for atom in compared.atoms))]
    return [*values, float(finding.relation is Relation.EXACT), float(finding.relation is Relation.DIFFERENT)]


def _attribute_features(compared: Compared, attribute: str) -> tuple[float, float, float]:
    """Strength for less strength against; strength of what both sides state and no rule decides; 1 where one side is silent."""
    atoms = compared.of(attribute)
    agree = max((atom.strength for atom in atoms if atom.verdict is Verdict.SAME), default=0.0)
    against = max((atom.strength for atom in atoms if atom.verdict is Verdict.DIFFERENT), default=0.0)
    unsettled = [atom for atom in atoms if atom.verdict is Verdict.UNKNOWN]
    both = [atom.strength for atom in unsettled if atom.left is not None and atom.right is not None]
    is_one_sided = any((atom.left is None) != (atom.right is None) for atom in unsettled)
    return agree - against, max(both, default=0.0) + bool(both), float(is_one_sided)


def _axis_features(compared: Compared, axis: Axis) -> tuple[float, float]:
    verdicts = [atom.verdict for attribute in AXIS_ATTRIBUTES[axis] for atom in compared.of(attribute)]
    return float(verdicts.count(Verdict.SAME)), float(verdicts.count(Verdict.DIFFERENT))
