"""Identifiers: GTINs with a trust grade, model and part numbers with containment, ASINs.

A GTIN is compared as 14 digits. Its grade is ``valid``, ``bad`` (check digit), ``placeholder`` (all equal, counting
up), ``coupon``, ``restricted`` (in-store prefixes) or ``bare`` (a digit run of a title, without a label): only two
valid ones can prove or refute anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from rapidfuzz.distance import Levenshtein

from epm.evidence.atoms import Value
from epm.evidence.fields import Cover, Field, Taken, is_free
from epm.evidence.gtins import check_digit, gtin_of_isbn10, gtin_of_upc_e
from epm.evidence.normalise import squeeze
from epm.evidence.words import word_list

_GTIN_LENGTHS = (8, 12, 13, 14)
_LABELLED_GTIN = re.compile(r"\b(?:ean|gtin|upc|isbn)(?:[- ]?1[0-4])?(?:\s?code)?\s?[:#.]?\s?(\d[\d -]{6,17}[\dx])(?![^\W_])")
_BARE_GTIN = re.compile(r"(?<![^\W_])(?<!\d[.,-])\d{12,14}(?![^\W_])(?![.,-]\d)")
_HYPHENATED_ISBN = re.compile(r"(?<![^\W_])(?<![-.,])(?:97[89]-)?\d{1,5}-\d{1,7}-\d{1,7}-[\dx](?![^\W_])(?![-.,]\d)")
_RESTRICTED_PREFIXES = ("02", "04", *(str(n) for n in range(20, 30)))
_COUPON_PREFIXES = ("05", "98", "99")
_CODE = re.compile(r"(?<![^\W_])[a-z0-9]+(?:[-/._+#][a-z0-9]+)*(?![^\W_])")
_SPLIT_CODE = re.compile(r"(?<![a-z0-9-])([a-z]{1,4}) (\d{2,5}[a-z]{0,2})(?![a-z0-9.,-])")
_ASIN = re.compile(r"(?<![a-z0-9])(b0[a-z0-9]{8})(?![a-z0-9])")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{4}")
_MIN_CODE = 4
_MIN_DIGIT_CODE = 5
_MIN_STEM = 7
_MIN_DOTS = 3
_MIN_SUFFIXED = 6
_LONG_CODE = 9
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_MAX_SUFFIX = 2
_LOOSE_SUFFIXES = frozenset("dglnvy")
"""Colours only where another colour stands in the same place: alone they mark a newer model as often."""
_MIN_ITEM_DIGITS = 5
_MIN_UPC = 12
_ISBN_10_LENGTH = 10


def gtin_digits(text: str) -> str | None:
    """The 14-digit form of a GTIN-8/12/13/14 as written, or ``None`` if it is none by its length."""
    digits = "".join(c for c in text if c.isdigit() and c.isascii())
    return digits.zfill(14) if len(digits) in _GTIN_LENGTHS else None


def has_valid_check_digit(digits: str) -> bool:
    """True if the last digit is the mod-10 check digit of the others (weights 3, 1, 3 … from the right)."""
    return check_digit(digits[:-1]) == digits[-1]


def gtin_trust(gtin14: str) -> str:
    """``valid``, ``bad``, ``placeholder``, ``coupon`` or ``restricted`` for a 14-digit GTIN."""
    body = gtin14.lstrip("0")[:-1]
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(body)}
    if len(steps) <= 1 and steps <= {0, 1, 9}:
        return "placeholder"
    if not has_valid_check_digit(gtin14):
        return "bad"
    if gtin14.startswith("000000"):
        return "restricted" if gtin14[6] in "02" else "valid"
    if gtin14[1:3] in _COUPON_PREFIXES:
        return "coupon"
    return "restricted" if gtin14[1:3] in _RESTRICTED_PREFIXES else "valid"


def read_gtins(fields: Sequence[Field]) -> tuple[Value, ...]:
    """GTINs of the gtin fields and labelled ones in running text, else ISBNs in groups, each with its trust grade."""
    found = []
    for field in fields:
        if field.kind == "gtin" and field.words:
            places = [(field.folded.text, (field.words[0].start, field.words[-1].end), "gtin-field")]
        else:
            places = [(m.group(1), m.span(1), "gtin-label") for m in _LABELLED_GTIN.finditer(field.folded.text)]
        for text, place, rule in places:
            gtin = _written_gtin(text)
            if gtin is not None:
                value = field.value("gtin", gtin, place, rule)
                found.append(Value("gtin", gtin, value.span, rule, *place, trust=gtin_trust(gtin)))
            elif rule == "gtin-field":
                value = field.value("gtin", squeeze(text), place, rule)
                found.append(Value("gtin", value.key, value.span, rule, *place, trust="bad"))
    return tuple(found) or tuple(value for field in fields if field.kind == "title" for value in _read_isbns(field))


def _read_isbns(title: Field) -> tuple[Value, ...]:
    """The ISBNs that a title writes in groups, with trust ``bare``: without a label a code may look like one."""
    found = []
    for m in _HYPHENATED_ISBN.finditer(title.folded.text):
        digits = m.group().replace("-", "")
        gtin = gtin_of_isbn10(digits) if len(digits) == _ISBN_10_LENGTH else gtin_digits(digits)
        if gtin is not None and has_valid_check_digit(gtin):
            found.append(replace(title.value("gtin", gtin, m.span(), "gtin-isbn"), trust="bare"))
    return tuple(found)


def read_bare_gtins(title: Field) -> tuple[Value, ...]:
    """Digit runs of a title that would be valid GTINs, with trust ``bare``: one in ten random runs has a right check digit."""
    found = []
    for m in _BARE_GTIN.finditer(title.folded.text):
        gtin = gtin_digits(m.group())
        if gtin is not None and gtin_trust(gtin) == "valid":
            found.append(replace(title.value("gtin", gtin, m.span(), "gtin-bare"), trust="bare"))
    return tuple(found)


def _written_gtin(text: str) -> str | None:
    """The 14 digits of a GTIN in any of its forms; eight digits are a UPC-E only where they are no GTIN-8."""
    plain = gtin_digits(text)
    if plain is not None and has_valid_check_digit(plain):
        return plain
    return gtin_of_isbn10(text) or gtin_of_upc_e("".join(c for c in text if c.isdigit())) or plain


def read_asins(fields: Sequence[Field]) -> tuple[Value, ...]:
    """ASINs in any field."""
    return tuple(field.value("asin", m.group(1), m.span(1), "asin") for field in fields for m in _ASIN.finditer(field.folded.text))


@lru_cache(maxsize=1)
def _spec_pattern() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in word_list("spec")["pattern"]))


def _is_code(text: str, key: str) -> bool:
    n_digits = sum(c.isdigit() for c in key)
    n_letters = len(key) - n_digits
    if n_digits == 0:
        return False
    if n_letters == 0:
        is_dotted = text.count(".") >= _MIN_DOTS and len(key) >= _LONG_CODE  # "215.30.46.51.01" is a reference, "12.5" a number
        is_plain = not set(text) & set("./") and not (len(key) == len(text) and key.endswith("000"))
        return len(key) >= _MIN_DIGIT_CODE and (is_dotted or is_plain)
    is_long_enough = len(key) >= _MIN_CODE or (len(key) == _MIN_CODE - 1 and n_digits > 1)
    return is_long_enough and _spec_pattern().fullmatch(key) is None


def read_field_codes(fields: Sequence[Field], kind: str) -> tuple[Value, ...]:
    """The whole value of each ``mpn`` or ``model`` field."""
    found = []
    for field in fields:
        if field.kind == kind and field.words:
            place = (field.words[0].start, field.words[-1].end)
            found.append(field.value(kind, squeeze(field.folded.text), place, f"{kind}-field"))
    return tuple(found)


def read_title_codes(field: Field, taken: Taken, loose: Sequence[tuple[int, int]] = ()) -> tuple[Value, ...]:
    """Code-like words of running text: letters with digits, or long digit runs, that no other reader has taken.

    ``loose`` are places of colours and generations: inside a longer code ("AB15-BLK-V2") they are part of it.
    """
    found: list[Value] = []
    taken = Cover(taken)
    for m in _CODE.finditer(field.folded.text):
        key = "".join(c for c in m.group() if c.isalnum())
        if _is_letter_code(m.group(), key) and is_free(m.span(), taken):
            found.append(field.value("model", key, m.span(), "code-letters"))
        if _is_code(m.group(), key) and is_free(m.span(), taken) and _has_own_digit(m, loose):
            found.append(field.value("model", key, m.span(), "code"))
    for value in found:
        taken.add((value.start, value.end))
    splits = (m for m in _SPLIT_CODE.finditer(field.folded.text) if taken.is_free(m.span()))
    found.extend(
        field.value("model", m.group(1) + m.group(2), m.span(), "code-split")
        for m in splits
        if field.folded.raw[field.folded.place(*m.span(1))[0]].isupper()  # "KX 120" is a code, "set 12" is none
    )
    return tuple(found)


def _has_own_digit(code: re.Match[str], loose: Sequence[tuple[int, int]]) -> bool:
    inside = [place for place in loose if place[0] < code.end() and code.start() < place[1]]
    return all(code.start() <= start and end <= code.end() for start, end in inside) and any(
        code.group()[i].isdigit() and is_free((code.start() + i, code.start() + i + 1), inside) for i in range(code.end() - code.start())
    )


def _is_letter_code(text: str, key: str) -> bool:
    """True for ``KXB-TRL``: hyphenated letters with a run of consonants that no word has."""
    return len(key) > _MIN_CODE and key.isalpha() and key.isascii() and "-" in text and _CONSONANTS.search(key) is not None


@lru_cache(maxsize=1)
def _suffixes() -> frozenset[str]:
    return frozenset(suffix for suffixes in word_list("suffix").values() for suffix in suffixes) - _LOOSE_SUFFIXES


@lru_cache(maxsize=1024)
def suffix_meanings(suffix: str) -> frozenset[str]:
    """What the letters at the end of a code may stand for: colours or ``region``."""
    return frozenset(value for value, suffixes in word_list("suffix").items() if suffix in suffixes)


def is_contained(shorter: str, longer: str) -> bool:
    """True if one code is the other with a prefix or suffix left off (``97185`` in ``VER97185``)."""
    if len(shorter) > len(longer):
        shorter, longer = longer, shorter
    if len(shorter) < _MIN_CODE + 1 or not any(c.isdigit() for c in shorter):
        return False
    if longer.isdigit() and shorter.isdigit():
        return _is_item_of(shorter, longer)
    if longer.startswith(shorter):
        # A letter more makes another model of a short code; long codes carry colours and regions at their end.
        rest = longer[len(shorter) :]
        if not rest or (shorter[-1].isdigit() and rest[0].isdigit()):
            return not rest
        return len(shorter) >= _MIN_STEM or (len(shorter) + len(rest) > _MIN_SUFFIXED and rest in _suffixes())
    return longer.endswith(shorter) and (not longer[-len(shorter) - 1].isdigit() or not shorter[0].isdigit())


def _is_item_of(item: str, upc: str) -> bool:
    """True if a digit code is the item reference of a UPC or EAN: the digits before its check digit, often the maker's own number."""
    is_upc = len(upc) in _GTIN_LENGTHS and len(upc) >= _MIN_UPC and has_valid_check_digit(upc)
    return is_upc and len(item) >= _MIN_ITEM_DIGITS and (upc.endswith(item) or upc[:-1].endswith(item))


def is_coloured(left: str, right: str, colours: frozenset[str]) -> bool:
    """True if one code is the other with the letters of one of these colours at the end (``KX120S`` of a silver KX120)."""
    shorter, longer = (left, right) if len(left) < len(right) else (right, left)
    is_code = len(shorter) > _MIN_CODE and any(c.isdigit() for c in shorter)
    return is_code and longer.startswith(shorter) and bool(suffix_meanings(longer[len(shorter) :]) & colours)


def is_recoloured(left: str, right: str, colours: frozenset[str]) -> bool:
    """True if one code is a stem with a stated colour, the other the stem with up to three letters of the maker's own."""
    stem = left.rstrip(_LETTERS)
    rests = (left[len(stem) :], right[len(stem) :])
    if len(stem) < _MIN_CODE + 1 or stem != right.rstrip(_LETTERS) or max(map(len, rests)) > _MAX_SUFFIX + 1:
        return False
    return any(suffix_meanings(rest) & colours for rest in rests)


def suffix_conflict(left: str, right: str) -> str | None:
    """``colour`` or ``region`` if two codes are one stem with the letters of two colours or regions at the end."""
    stem = 0
    while stem < min(len(left), len(right)) and left[stem] == right[stem]:
        stem += 1
    rests = (left[stem:], right[stem:])
    if stem and left[stem - 1].isalpha() and max(map(len, rests)) == 1:
        return None  # the last letter of a longer ending ("DW", "DN") is no colour by itself
    if not all(rests) or stem < _MIN_CODE or not any(c.isdigit() for c in left[:stem]):
        return None
    meanings = tuple(suffix_meanings(rest) for rest in rests)
    if all("region" in meaning for meaning in meanings):
        return "region"
    return "colour" if all(meanings) and not meanings[0] & meanings[1] else None


def is_sibling(left: str, right: str) -> bool:
    """True if two different codes look like numbers of one series: a real conflict, not two numbering systems."""
    if left == right or is_same_stem(left, right):
        return False
    distance = Levenshtein.distance(left, right, score_cutoff=3)
    if distance > (3 if min(len(left), len(right)) >= _LONG_CODE else 2):
        return False
    return any(c.isdigit() for c in left) and any(c.isdigit() for c in right)


def is_same_stem(left: str, right: str) -> bool:
    """True if two codes differ only in letters at the end that a shop may leave off, or that stand for a colour or a region."""
    stem = left.rstrip(_LETTERS)
    if left == right or len(stem) < _MIN_CODE or stem != right.rstrip(_LETTERS):
        return False
    rests = {left[len(stem) :], right[len(stem) :]}
    # Two endings that stand for no colour or region ("DW", "DN") are two models; one ending may be left off.
    is_open = "" in rests and len(stem) >= _MIN_STEM and max(map(len, rests)) <= _MAX_SUFFIX
    return is_open or rests <= _suffixes()


def is_same_shape(left: str, right: str) -> bool:
    """True if two written part numbers follow one numbering format (``7487-159``, ``8073-091``): then they truly differ."""
    return len(left) >= _MIN_CODE and _shape(left) == _shape(right)


def _shape(text: str) -> str:
    return "".join("9" if c.isdigit() else "a" if c.isalpha() else c for c in text.strip().lower())
