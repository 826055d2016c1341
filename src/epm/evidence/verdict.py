"""From atoms to core score, relation, factor and probability.

The core score is the similarity of the names, moved by brand, type, conflicts and trusted identifiers, and held
against one threshold for each case of the model codes: shared, both sides but none shared, or missing on a side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from epm.evidence.atoms import Atom
from epm.evidence.compare import Compared
from epm.evidence.core_score import core_score
from epm.rationale import Verdict
from epm.relation import Relation

VARIANT_ATTRIBUTES = ("colour", "size", "capacity", "region")
_SETTLING = (("bundle", Relation.BUNDLE_OF), ("pack", Relation.OTHER_PACK), ("condition", Relation.CONDITION))
"""Attributes that settle the relation even when stated on one side, in order."""
_STEEPNESS = 6.0
_VETO_SHARE = 0.45
_NEARLY_EQUAL = 0.85
_FULL_CODE = 7


class CodeCase(StrEnum):
    """What the model codes of a pair say."""

    SHARED = "shared"
    CONFLICT = "conflict"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The core score from which on two listings are one product, for each code case.

    ``is_silence_open`` leaves a pair undecidable when a size or capacity is stated on one side only and no identifier
    or long model code settles that both offers mean the same one.

    The defaults serve those who have no labelled pairs. They were chosen on a grid (shared 0.5 to 1.1, conflict 0.95 to
    1.3, none 0.9 to 1.1) by the mean F1 of ``exact`` over the generated train world and the train parts of three public sets,
    among those whose macro-F1 of the relations of that world is within 0.001 of the best.
    """

    shared: float = 0.5
    conflict: float = 1.1
    none: float = 0.95
    is_silence_open: bool = True

    def of(self, case: CodeCase) -> float:
        """The threshold of one case."""
        return {CodeCase.SHARED: self.shared, CodeCase.CONFLICT: self.conflict, CodeCase.NONE: self.none}[case]


DEFAULT_THRESHOLDS = Thresholds()


@dataclass(frozen=True, slots=True)
class Finding:
    """The relation with its factor, the probability of ``exact``, and what the core says."""

    relation: Relation
    factor: int | None
    probability: float
    core: Verdict
    core_score: float
    case: CodeCase


def code_case(compared: Compared) -> CodeCase:
    """Which case of model codes a pair is."""
    rules = {atom.rule for atom in compared.of("model")}
    if compared.verdict("mpn") is Verdict.SAME or compared.verdict("gtin") is Verdict.SAME:
        return CodeCase.SHARED
    if "model-described" in rules or any(atom.rule == "suffix" for atom in compared.atoms):
        return CodeCase.SHARED
    if rules & {"model-sibling", "model-unrelated"}:
        return CodeCase.CONFLICT
    return CodeCase.SHARED if "model-shared" in rules else CodeCase.NONE


def judge(compared: Compared, thresholds: Thresholds = DEFAULT_THRESHOLDS) -> Finding:
    """The finding of a pair; equal for swapped sides."""
    case = code_case(compared)
    score = core_score(compared)
    core_probability = 1 / (1 + math.exp(-_STEEPNESS * max(-5.0, min(5.0, score - thresholds.of(case)))))
    is_same = core_probability >= 0.5  # noqa: PLR2004  # the decision boundary
    relation, factor = _relation(compared, is_same=is_same)
    if relation is Relation.EXACT and (_is_case_and_item(compared) or (thresholds.is_silence_open and _is_open(compared))):
        relation = Relation.UNDECIDABLE
    core = {Relation.DIFFERENT: Verdict.DIFFERENT, Relation.ACCESSORY_FOR: Verdict.UNKNOWN}.get(relation, Verdict.SAME)
    probability = core_probability if relation is Relation.EXACT else core_probability * _VETO_SHARE
    return Finding(relation, factor, probability, core, score, case)


def _relation(compared: Compared, *, is_same: bool) -> tuple[Relation, int | None]:
    if any(atom.is_decisive for atom in compared.of("compatibility")):
        return Relation.ACCESSORY_FOR, None
    if not is_same or _conflicts(compared, "brand", "model", "type", "generation", "compatibility"):
        return Relation.DIFFERENT, None
    for attribute, relation in _SETTLING:
        if _settles(compared, attribute):
            return relation, _factor(compared) if relation is Relation.OTHER_PACK else None
    if _conflicts(compared, *VARIANT_ATTRIBUTES):
        return Relation.VARIANT, None
    return (Relation.DIFFERENT if _conflicts(compared, "gtin", "mpn") else Relation.EXACT), None


def _is_open(compared: Compared) -> bool:
    """True if a size or capacity is stated on one side only, and nothing settles what the other side means."""
    if any(_is_full_code(atom) for atom in compared.of("model")) or Verdict.SAME in {
        compared.verdict(attribute) for attribute in ("gtin", "mpn", "asin")
    }:
        return False
    if compared.names.similarity < _NEARLY_EQUAL:
        return False
    return any((atom.left is None) != (atom.right is None) for name in ("size", "capacity") for atom in compared.of(name))


def _is_full_code(model: Atom) -> bool:
    """True for a shared code long enough to tell the sizes of one model apart; a shorter one names the model only."""
    sides = [side.key for side in (model.left, model.right) if side is not None]
    return model.verdict is Verdict.SAME and min(map(len, sides)) >= _FULL_CODE


def _is_case_and_item(compared: Compared) -> bool:
    """True if the GTINs say case against item while no text says how many the case holds."""
    return any(atom.rule == "gtin-case" for atom in compared.of("gtin"))


def _conflicts(compared: Compared, *attributes: str) -> bool:
    return any(compared.verdict(attribute) is Verdict.DIFFERENT for attribute in attributes)


def _settles(compared: Compared, attribute: str) -> bool:
    return any(atom.is_decisive or atom.verdict is Verdict.DIFFERENT for atom in compared.of(attribute))


def _factor(compared: Compared) -> int | None:
    for atom in compared.of("pack"):
        counts = [int(value.key) for value in (atom.left, atom.right) if value is not None]
        small, large = (min(counts), max(counts)) if len(counts) > 1 else (1, counts[0])
        if large % small == 0 and large > small:
            return large // small
    return None
