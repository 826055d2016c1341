"""Model codes and compatibility: two attributes that must be read together, because a target's code names another product."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from epm.evidence.atoms import Atom, Value
from epm.evidence.identifiers import is_coloured, is_contained, is_recoloured, is_same_stem, is_sibling, suffix_conflict
from epm.evidence.names import edition_keys
from epm.evidence.normalise import fold, squeeze, tokens
from epm.evidence.parsed import ParsedListing
from epm.evidence.value_sets import STRONG, find_written
from epm.rationale import Verdict

_SMALL = frozenset({"a", "the", "and", "for", "mit", "et", "y", "e"})
_SURE_CODE = 0.9
_MIN_DESCRIBED = 5
_TARGET_HEAD = 3
_TARGET_WORDS = 4
_DIGITS = re.compile(r"\d+")
_PLUS_SIGN = re.compile(r"(?<=[^\W_])\+(?![^\W_])")


def model_atoms(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """Codes of both sides: shared, contained, found in the other's text, or in conflict."""
    targets = (_target(left, right), _target(right, left))
    left_codes, right_codes = (_outside(_codes(side), target) for side, target in zip((left, right), targets, strict=True))
    left_rest = [v for v in _outside(_naming_codes(left), targets[0]) if not _is_known(v, right_codes, right)]
    right_rest = [v for v in _outside(_naming_codes(right), targets[1]) if not _is_known(v, left_codes, left)]
    found: list[Atom] = []
    shared = _shared_code(left_codes, right_codes, (left, right)) or _written_code(left_codes, right_codes, (left, right), targets)
    if shared is not None:
        found.append(Atom("model", *shared, "model-shared", Verdict.SAME, min(code_strength(side.key) for side in shared)))
    rivals = [(a, b) for a in left_rest for b in right_rest]
    suffix = next(((a, b) for a, b in rivals if is_same_stem(a.key, b.key)), None)
    sibling = next(((a, b) for a, b in rivals if is_sibling(a.key, b.key)), None)
    if sibling is not None:
        found.append(Atom("model", *sibling, "model-sibling", Verdict.DIFFERENT, 0.9))
    elif suffix is not None:
        found.append(Atom("model", *suffix, "model-stem", Verdict.UNKNOWN, 0.3))
    elif shared is None and left_rest and right_rest:
        found.append(Atom("model", left_rest[0], right_rest[0], "model-unrelated", Verdict.UNKNOWN, 0.5))
    elif shared is None and (any(v.attribute == "model" for v in (*left_codes, *right_codes))):
        a, b = (next((v for v in codes if v.attribute == "model"), None) for codes in (left_codes, right_codes))
        found.append(Atom("model", a, b, "model-one-sided", Verdict.UNKNOWN, 0.1))
    if shared is None or sibling is None:
        found.extend(_described_code(left_codes, right_codes, left, right) if shared is None else ())
    found.extend(_suffix_atoms(left_codes, right_codes, left, right))
    return tuple(found)


def _described_code(
    left_codes: Sequence[Value], right_codes: Sequence[Value], left: ParsedListing, right: ParsedListing
) -> tuple[Atom, ...]:
    """A code of one title that the other listing's description writes."""
    a = [v for v in left_codes if len(v.key) >= _MIN_DESCRIBED and v.key in right.description_grams]
    b = [v for v in right_codes if len(v.key) >= _MIN_DESCRIBED and v.key in left.description_grams]
    best = max((*a, *b), key=lambda v: (len(v.key), v.key), default=None)
    if best is None:
        return ()
    is_left = any(best is v for v in a)
    sides = (best if is_left else None, None if is_left else best)
    return (Atom("model", sides[0], sides[1], "model-described", Verdict.UNKNOWN, code_strength(best.key)),)


def _suffix_atoms(left_codes: Sequence[Value], right_codes: Sequence[Value], left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """Codes of one stem whose last letters stand for two colours or regions, where neither listing writes the other's code."""
    colours = frozenset(v.key for v in left.of("colour")) & frozenset(v.key for v in right.of("colour"))
    for a in left_codes:
        for b in right_codes:
            kind = suffix_conflict(a.key, b.key)
            if kind is not None and not is_recoloured(a.key, b.key, colours) and a.key not in right.grams and b.key not in left.grams:
                return (Atom(kind, a, b, "suffix", Verdict.DIFFERENT, 0.7),)
    return ()


def _codes(listing: ParsedListing) -> tuple[Value, ...]:
    return (*listing.of("model"), *listing.of("mpn"))


def _naming_codes(listing: ParsedListing) -> tuple[Value, ...]:
    """Codes that name the model: those of the title, and part numbers with letters. A digits-only number refutes none."""
    return (*listing.of("model"), *(v for v in listing.of("mpn") if any(c.isalpha() for c in v.key) and any(c.isdigit() for c in v.key)))


def _outside(codes: Sequence[Value], target: Value | None) -> tuple[Value, ...]:
    """The codes that do not stand at the head of what the listing is for: those name another product."""
    if target is None:
        return tuple(codes)
    head = [token.end for token in tokens(fold("", target.key))][:_TARGET_WORDS]
    end = target.end - len(target.key) + (head[-1] if head else 0)
    return tuple(v for v in codes if v.field != target.field or v.end <= target.start or end <= v.start)


def _shared_code(left: Sequence[Value], right: Sequence[Value], sides: tuple[ParsedListing, ParsedListing]) -> tuple[Value, Value] | None:
    colours = frozenset(v.key for side in sides for v in side.of("colour"))
    pairs = [(a, b) for a in left for b in right if a.key == b.key or is_contained(a.key, b.key) or is_coloured(a.key, b.key, colours)]
    return max(pairs, key=_how_telling, default=None)


def _how_telling(pair: tuple[Value, Value]) -> tuple[bool, int, int]:
    """What buyers read comes first: a code in a title tells the model, a part number in its own field is the identifier's matter."""
    a, b = pair
    return a.attribute == "model" or b.attribute == "model", min(len(a.key), len(b.key)), -a.start - b.start


def _written_code(
    left_codes: Sequence[Value],
    right_codes: Sequence[Value],
    sides: tuple[ParsedListing, ParsedListing],
    targets: tuple[Value | None, Value | None],
) -> tuple[Value, Value] | None:
    """A code of one side that the other's title writes as several words (``SD790IS``, ``SD790 IS``)."""
    left, right = sides
    pairs = [(a, b) for a in left_codes if (b := find_written(right, a.key, "model")) is not None and _outside((b,), targets[1])]
    pairs += [(a, b) for b in right_codes if (a := find_written(left, b.key, "model")) is not None and _outside((a,), targets[0])]
    return max(pairs, key=lambda pair: (len(pair[0].key), -pair[0].start - pair[1].start), default=None)


def code_strength(key: str) -> float:
    """How surely a shared code names one product, in [0, 1]: by its length and its digits."""
    n_digits = sum(c.isdigit() for c in key)
    return min(1.0, 0.1 * len(key) + 0.1 * min(n_digits, 4))


def _is_known(value: Value, others: Sequence[Value], other: ParsedListing) -> bool:
    if value.key in other.grams or value.key in other.description_grams:
        return True
    colours = frozenset(v.key for v in other.of("colour"))
    return any(value.key == b.key or is_contained(value.key, b.key) or is_coloured(value.key, b.key, colours) for b in others)


def compatibility_atoms(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """What either side is for; a target that names the other product makes an accessory of the side."""
    a, b = _target(left, right), _target(right, left)
    if a is None and b is None:
        return ()
    if a is not None and b is not None:
        return (Atom("compatibility", a, b, "target", _target_verdict(a, b), 0.3),)
    value, other = (a, right) if a is not None else (b, left)
    is_strong = value is not None and value.trust == STRONG
    side = left if a is not None else right
    is_decisive = (
        value is not None
        and _names_entity(value, other, head_only=not is_strong)
        and (is_strong or not _shares_type(side, other, value))
        and not _is_named_before(value, side, other)
    )
    return (Atom("compatibility", a, b, "accessory", Verdict.UNKNOWN, 0.8 if is_decisive else 0.0, is_decisive),)


def platform_atoms(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """A conflict where both sides name platforms and share none; a game for two of them is not against either."""
    a, b = left.of("platform"), right.of("platform")
    if not a or not b or {v.key for v in a} & {v.key for v in b}:
        return ()
    return (Atom("compatibility", a[0], b[0], "platform", Verdict.DIFFERENT, 0.7),)


def _is_named_before(target: Value, listing: ParsedListing, other: ParsedListing) -> bool:
    """True if what stands before the phrase names the other product already: "Orvela 2 for Mac" is no accessory of "Orvela 2"."""
    before = [word for word in listing.core_words if word.end <= target.start]
    own = [word for word in before if word.key in other.grams]
    brand = listing.first("brand")
    return len(before) > 1 and len(own) == len(before) and any(brand is None or word.key != brand.key for word in own)


def _shares_type(listing: ParsedListing, other: ParsedListing, target: Value) -> bool:
    """True if both are one type of product; a type word after the phrase is the target's: "lid for KX-120 kettle" is no kettle."""
    is_own = (v for v in listing.of("type") if v.field != target.field or v.end <= target.start or target.end <= v.start)
    return bool({v.key for v in is_own} & {v.key for v in other.of("type")})


def _shares_name(listing: ParsedListing, other: ParsedListing, end: int) -> bool:
    """True if the other listing writes a word of the name that stands before a place, beside the brand."""
    brands = {brand.key for brand in (listing.first("brand"), other.first("brand")) if brand is not None}
    return any(word.end <= end and word.key in other.grams and word.key not in brands for word in listing.core_words)


def _target(listing: ParsedListing, other: ParsedListing) -> Value | None:
    """What the listing is for: a strong phrase, or a bare "for" that names the other product or what that one is for."""
    found = listing.of("compatibility")
    strong = next((v for v in found if v.trust == STRONG), None)
    if strong is not None:
        return strong
    own_codes = {v.key for v in _codes(other) if code_strength(v.key) >= _SURE_CODE}
    for value in found:
        shares_type = _shares_type(listing, other, value)
        is_coded = bool(own_codes) and any(v.key in own_codes for v in _codes(listing) if value.start <= v.start and v.end <= value.end)
        if is_coded and (shares_type or _shares_name(listing, other, value.start)):
            continue  # two listings of one name: the long part number after the target is the listing's own
        keys = {t.key for t in tokens(fold("", value.key))}
        if any({t.key for t in tokens(fold("", o.key))} & keys - _SMALL for o in other.of("compatibility")):
            return value
        if _names_entity(value, other, head_only=True) and not shares_type:
            return value
    return None


def _names_entity(target: Value, other: ParsedListing, *, head_only: bool = False) -> bool:
    """True if a target names the other's model code, or its brand with a word of its name, or two words of its name."""
    keys = [token.key for token in tokens(fold("", target.key))][: _TARGET_HEAD if head_only else None]
    grams = {*keys, *("".join(keys[i : i + n]) for n in (2, 3) for i in range(len(keys)))}
    brand = other.first("brand")
    names = {word.key for word in other.names} | ({brand.key} if brand else set())
    return bool(grams & {v.key for v in _codes(other)}) or len(grams & names) > 1 or (brand is not None and brand.key in grams)


def _are_written(words: Sequence[str], others: Sequence[str]) -> bool:
    """True if the other target holds every word, or all of them in a row, however it cuts its codes (``MH 647``, ``mh647``)."""
    whole = "".join(words)
    ends = range(1, len(others) + 1)
    return set(words) <= set(others) or any("".join(others[start:end]) == whole for end in ends for start in range(end))


def _target_words(target: Value) -> list[str]:
    """The words of what a listing is for; a plus right behind one is the edition that it stands for."""
    return [token.key for token in tokens(fold("", _PLUS_SIGN.sub(" plus ", target.key)))]


def _target_models(words: Sequence[str]) -> frozenset[tuple[str, tuple[str, ...]]]:
    """The digits of each numbered word with the editions right behind it: a case for an "S21" fits no "S21 Ultra"."""
    editions = edition_keys()
    found = set()
    for place, word in enumerate(words):
        digits = "".join(_DIGITS.findall(word))
        behind = tuple(takewhile(editions.__contains__, words[place + 1 :]))
        if digits:
            found.add((digits, tuple(editions[edition] for edition in behind)))
    return frozenset(found)


def _target_verdict(left: Value, right: Value) -> Verdict:
    left_words, right_words = (_target_words(side) for side in (left, right))
    left_models, right_models = (_target_models(words) for words in (left_words, right_words))
    if any(edition for _, edition in left_models | right_models) and left_models and right_models and not left_models & right_models:
        return Verdict.DIFFERENT
    if _are_written(left_words, right_words) or _are_written(right_words, left_words):
        return Verdict.SAME
    left_numbers, right_numbers = ({run for word in side.key.split() for run in _DIGITS.findall(squeeze(word))} for side in (left, right))
    is_conflict = bool(left_numbers) and bool(right_numbers) and not left_numbers & right_numbers
    return Verdict.DIFFERENT if is_conflict else Verdict.UNKNOWN
