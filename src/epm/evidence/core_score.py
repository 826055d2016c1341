"""The core score: how alike two products are at their core, as a sum of weighted observations.

The weights were chosen by hand, one set for every kind of goods; only the thresholds that the score is held against
are fitted. They count in units of the name similarity: 1.0 is the step from nothing shared to everything shared.
"""

from __future__ import annotations

from collections.abc import Sequence

from epm.evidence.atoms import Atom
from epm.evidence.compare import Compared
from epm.evidence.core_atoms import GUESS
from epm.evidence.names import edition_keys, is_number, word_weight
from epm.evidence.parsed import Word
from epm.evidence.value_sets import STRONG
from epm.rationale import Verdict

_AGREEMENT = {"brand": 0.18, "generation": 0.08, "gtin": 0.5}
"""What an equal value of an attribute adds."""
_STATED = {"colour": 0.13, "size": 0.2, "capacity": 0.24, "region": 0.1}
"""What a variant attribute adds that both sides state, equal or not: whether it conflicts is for the relation, not the core."""
_CONFLICT = {"brand": -0.5, "generation": -1.0}
"""What a conflict of an attribute takes away."""
_RULES = {"type-other": -0.15, "model-unrelated": -0.1, "accessory": -0.1, "suffix": 0.5}
"""What single rules add: two colours of one code stem are one model."""
_SHARED_CODE = 0.3
_ALL_EQUAL = 0.12
"""Two names without any word left over are one product even where no brand is known."""
_OTHER_NAMES = -0.12
_MAX_OTHER_NAMES = 4.0
_MORE_NAMES = 0.02
_MAX_MORE_NAMES = 8.0
_OTHER_NUMBER = -0.35
_OTHER_CODE = -0.1
_EDITION = -0.25
_USUAL_EDITION = "standard"
"""An edition that goes without saying."""
_LONE_EDITION = -1.0
"""An edition as the only difference was written to tell two products apart."""
_RIVAL_EDITIONS = -1.0
"""An edition on either side that the other lacks ("Super", "Ti") tells two products apart, unless they share a code as long as a part number."""
_PART_NUMBER = 9
_MAX_EDITIONS = 3
_TRANSLATED_TYPE = 0.1
_SURE_CODE = 0.9
_SURE_CODE_SHARE = 0.3
"""With a long shared code, left-over numbers and editions count this part only: one shop writes more of them than another."""
_RIVAL_NAMES = -0.2
_FEW_NAMES = 2.0
_RIVAL_MAKER = -0.2
_SAME_TARGET = 0.4
_MIN_NAME = 3
_PROVED = 1.2
"""The least score of one valid GTIN on both sides, above every threshold: names in other words or languages are no objection to it."""
_OBJECTIONS = ("brand", "model", "type", "generation", "compatibility")
"""Attributes whose conflict lets the names speak beside an equal GTIN: numbers are copied from listing to listing."""


def core_score(compared: Compared) -> float:
    """How alike the two products are at their core; about -1 to 2, higher is more alike; equal for swapped sides."""
    score = compared.names.similarity + _left_over(compared) + _rivals(compared) + (_ALL_EQUAL if compared.names.similarity >= 1.0 else 0.0)
    for attribute, weight in _AGREEMENT.items():
        score += weight if compared.verdict(attribute) is Verdict.SAME else 0.0
    for attribute, weight in _STATED.items():
        score += weight if compared.verdict(attribute) is not Verdict.UNKNOWN else 0.0
    for attribute, weight in _CONFLICT.items():
        score += weight if compared.verdict(attribute) is Verdict.DIFFERENT else 0.0
    rules = {atom.rule for atom in compared.atoms}
    score += sum(weight for rule, weight in _RULES.items() if rule in rules)
    score += _SHARED_CODE * max((a.strength for a in compared.of("model") if a.rule in {"model-shared", "model-described"}), default=0.0)
    return max(score, _PROVED) if is_proved(compared) else score


def is_proved(compared: Compared) -> bool:
    """True if both listings bear one valid GTIN and no known brand, code, type, generation or target speaks against it."""
    is_disputed = any(compared.verdict(attribute) is Verdict.DIFFERENT for attribute in _OBJECTIONS)
    return compared.verdict("gtin") is Verdict.SAME and not is_disputed


def has_sure_code(compared: Compared) -> bool:
    """True if the listings share a code long enough to name one product by itself."""
    return any(atom.verdict is Verdict.SAME and atom.strength >= _SURE_CODE for atom in compared.of("model"))


def _has_part_number(compared: Compared) -> bool:
    """True if the listings share a code that names no line of models but one of them."""
    shared = (atom for atom in compared.of("model") if atom.verdict is Verdict.SAME)
    return any(len(side.key) >= _PART_NUMBER for atom in shared for side in (atom.left, atom.right) if side is not None)


def _left_over(compared: Compared) -> float:
    """What the words that only one side writes say: names on both sides are rivals, names on one side only describe."""
    sides = (compared.names.left_rest, compared.names.right_rest)
    names = [_names_weight(rest) for rest in sides]
    score = _OTHER_NAMES * min(*names, _MAX_OTHER_NAMES) + _MORE_NAMES * min(max(names), _MAX_MORE_NAMES)
    conflicts = 0.0
    if all(any(is_number(word.key) for word in rest) for rest in sides):
        conflicts += _OTHER_NUMBER
    if _is_number_of_code(*sides) or _is_number_of_code(*reversed(sides)):
        conflicts += _OTHER_NUMBER
    if all(any(_is_mixed(word.key) for word in rest) for rest in sides):
        conflicts += _OTHER_CODE
    left, right = ({edition_keys()[word.key] for word in rest if word.key in edition_keys()} for rest in sides)
    editions = left | right
    n_editions = 0 if editions == {_USUAL_EDITION} else len(editions)
    conflicts += _EDITION * min(n_editions, _MAX_EDITIONS)
    if n_editions and all(word.key in edition_keys() for rest in sides for word in rest):
        conflicts += _LONE_EDITION
    if _only_types(sides[0]) is not _only_types(sides[1]):
        score += _TRANSLATED_TYPE  # one side's type word may be the other's in a language without a word list
    if left and right and not _has_part_number(compared):
        score += _RIVAL_EDITIONS
    return score + conflicts * (_SURE_CODE_SHARE if has_sure_code(compared) else 1.0)


def _rivals(compared: Compared) -> float:
    """What left-over names say where all else agrees: then one word stands in the place of the other."""
    sides = (compared.names.left_rest, compared.names.right_rest)
    names = [_names_weight([word for word in rest if not word.key.startswith("type ")]) for rest in sides]
    score = _SAME_TARGET if _is_for_one_thing(compared) else 0.0
    if compared.verdict("type") is not Verdict.SAME or has_sure_code(compared):
        return score  # a left-over word may be the type in another language
    if min(names) > 0 and max(names) <= _FEW_NAMES:
        score += _RIVAL_NAMES
    return score + (_RIVAL_MAKER if _is_rival_maker(compared, names) else 0.0)


def _is_for_one_thing(compared: Compared) -> bool:
    """True if one maker offers both for one other product: what is left over is the part's name in two languages."""
    targets = [atom for atom in compared.of("compatibility") if atom.rule == "target" and atom.verdict is Verdict.SAME]
    return compared.verdict("brand") is Verdict.SAME and any(_is_product(atom) for atom in targets)


def _is_product(target: Atom) -> bool:
    """True if a target names one product: by its number, or after a phrase that can mean nothing else ("for Mac" can)."""
    sides = [side for side in (target.left, target.right) if side is not None]
    return any(side.trust == STRONG or any(c.isdigit() for c in side.key) for side in sides)


def _is_rival_maker(compared: Compared, names: Sequence[float]) -> bool:
    """True if one side's maker is not written on the other, where one single word stands instead."""
    for atom in compared.of("brand"):
        if atom.rule == "brand-absent" and atom.left is not None and atom.right is not None:
            guess, known = (names[0], names[1]) if atom.left.trust == GUESS else (names[1], names[0])
            return 0 < guess <= 1 and known == 0
    return False


def _names_weight(rest: Sequence[Word]) -> float:
    return sum(word_weight(w.key) for w in rest if len(w.key) >= _MIN_NAME and w.key.isalpha() and w.key not in edition_keys())


def _is_number_of_code(rest: Sequence[Word], others: Sequence[Word]) -> bool:
    """True if one side writes a number where the other writes it with a letter more: "5600" and "5600G" are two models."""
    numbers = {word.key for word in rest if is_number(word.key) and len(word.key) >= _MIN_NAME}
    return any(_is_mixed(word.key) and word.key[-1].isalpha() and word.key[:-1] in numbers for word in others)


def _is_mixed(key: str) -> bool:
    return any(c.isdigit() for c in key) and any(c.isalpha() for c in key)


def _only_types(rest: Sequence[Word]) -> bool:
    return bool(rest) and all(word.key.startswith("type ") for word in rest)
