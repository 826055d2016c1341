"""Pack counts, inner times outer: ``24 x 330 ml``, ``pack of 6``, ``6er-Set``, ``lot de 3``, ``2 packs of 12``, ``12 ct``."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from epm.evidence.atoms import Value
from epm.evidence.fields import Cover, Field, Taken, words_from
from epm.evidence.normalise import fold
from epm.evidence.quantities import unit_pattern
from epm.evidence.words import folded_words, word_list

_MAX_COUNT = 5000
_MEASURE_CHARS = 24
_DOZEN = 12
_BARE_COUNT = re.compile(
    r"(?:^\W*(\d{1,3}) ?x (?=[a-z])|(?:^|[\s(,|-])x ?(\d{1,3})\W*$|\((\d{1,2}) ?x\)|\(x ?(\d{1,3})\)|(?<![^\s|,(])(\d{1,3}) ?x(?=\W*$|\s*[,|)(-]))"
)
_FIELD_COUNT = re.compile(r"^\W*x? ?(\d{1,4}) ?x?\W*$")


def _alternatives(key: str) -> str:
    forms = sorted({fold("", form).text for form in word_list("packword")[key]}, key=lambda form: (-len(form), form))
    return "(?:" + "|".join(re.escape(form) for form in forms) + ")"


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    noun, of, piece = _alternatives("noun"), _alternatives("of"), _alternatives("piece")
    content = unit_pattern("mass", "volume")
    unsized = r"(?<!\d\dx)(?<!\d\dx )(?<!\d\d x)(?<!\d\d x )"  # "30 x 20 box" has a size
    pack, container = _alternatives("pack"), _alternatives("container")
    number, end, begin = r"(\d{1,3}[.,]\d{3}|\d{1,4})", r"(?![^\W_])", r"(?<![a-z0-9.,])(?<![a-z0-9]-)"
    measure = rf"\d{{1,5}}(?:[.,]\d{{1,3}})? ?{content}"
    return (
        ("pack-of-times", re.compile(rf"(?<![^\W_]){noun} {of} {number} ?x ?{number}{end}(?! ?{content})(?: {piece}{end})?")),
        ("times-times-measure", re.compile(rf"{begin}{number} ?x ?{number} ?x ?(?={measure})")),
        ("times-pieces", re.compile(rf"{begin}{number} ?x ?{number}(?:er)?(?: |-)?(?:{piece}|{pack}){end}(?! ?{of} ?\d)")),
        ("n-containers", re.compile(rf"{begin}{number} {container} (?:{of} )?(?={measure})")),
        ("dozens", re.compile(rf"{begin}{number} {_alternatives('dozen')}{end}")),
        ("outer-inner", re.compile(rf"{begin}{unsized}{number}(?: ?x ?| |-){noun} {of} {number}{end}(?: {piece}{end})?")),
        ("times-measure", re.compile(rf"{begin}{number} ?x ?(?={measure})")),
        ("measure-times", re.compile(rf"{begin}{measure} ?x ?{number}{end}")),
        ("n-times", re.compile(r"(?<![^\s|,(])(\d{1,2})x(?![^\W_])")),
        ("pack-of", re.compile(rf"(?<![^\W_]){noun} {of} {number}(?:er)?{end}(?: {piece}{end})?")),
        ("n-pack", re.compile(rf"{begin}{unsized}{number}(?:er)?(?: |-)?{noun}{end}")),
        ("n-er", re.compile(rf"{begin}([2-9]|1[0-268]|2[04])er{end}")),
        ("noun-n", re.compile(rf"(?<![^\W_]){noun}[: ]{{1,2}}{number} {piece}{end}")),
        ("n-pieces", re.compile(rf"{begin}{number}(?: |-)?{piece}{end}")),
    )


def read_packs(field: Field, taken: Taken) -> tuple[Value, ...]:
    """Every statement of a pack count in one field; the amount is inner times outer."""
    found: list[Value] = []
    places = Cover(taken)
    for rule, pattern in _patterns():
        for m in pattern.finditer(field.folded.text):
            count = _DOZEN if rule == "dozens" else 1
            for group in m.groups():
                count *= int(group.replace(".", "").replace(",", ""))
            if (rule == "n-times" and not _ends_talk(field, m.end()) and not _follows_variant(field, m)) or (
                rule == "n-pieces" and _is_computer(field, m)
            ):
                continue
            start = m.start() if rule != "measure-times" else m.start(1)
            _add(found, places, field, (start, _trimmed_end(field, m)), count, rule)
    for phrase, place in field.phrases_of("pack"):
        _add(found, places, field, place, int(phrase.value), "pack-word")
    for m in _BARE_COUNT.finditer(field.folded.text) if not found else ():
        group = next(i for i, text in enumerate(m.groups(), start=1) if text)
        _add(found, places, field, m.span(group), int(m.group(group)), "bare-count")
    whole = _FIELD_COUNT.match(field.folded.text) if field.kind == "pack" and not found else None
    if whole is not None:
        _add(found, places, field, whole.span(1), int(whole.group(1)), "pack-field")
    return tuple(sorted(found, key=lambda value: value.start))


def _is_computer(field: Field, found: re.Match[str]) -> bool:
    """True for "Saga 3 PC": capitals behind a name's number are the computer, unless the title speaks of a set."""
    quote = field.span(*found.span()).quote
    if not quote.endswith(" PC") or field.folded.raw.isupper() or not field.folded.text[: found.start()].rstrip(" ")[-1:].isalnum():
        return False
    return not any(word.key in folded_words("packword", "noun") for word in field.words)


def _follows_variant(field: Field, found: re.Match[str]) -> bool:
    """True after a measure or a colour ("330 ml 6x Velta"), where no property is counted ("black 10x zoom")."""
    following = next((word.key for word in words_from(field, found.end())[:1]), "")
    if following in folded_words("packword", "property"):
        return False
    begin = max(0, found.start() - _MEASURE_CHARS)
    before = field.folded.text[begin : found.start()].rstrip(" ,|(")
    is_colour = field.has_phrase_end("colour", begin + len(before))
    return is_colour or _measure_end().search(before) is not None


@lru_cache(maxsize=1)
def _measure_end() -> re.Pattern[str]:
    return re.compile(rf"\d ?{unit_pattern('mass', 'volume', 'storage')}[\s,(|]*$")


def _ends_talk(field: Field, place: int) -> bool:
    """True if nothing about the product follows directly: "6x free shipping" is a pack, "2x HDMI" and "10x zoom" are none."""
    rest = field.folded.text[place:]
    following = next((word.start for word in words_from(field, place)[:1]), None)
    if following is None or not rest[:1].isspace() or not rest[1:2].isalnum():
        return True
    return any(field.has_phrase_at(kind, following) for kind in ("noise", "condition", "region"))


def _trimmed_end(field: Field, found: re.Match[str]) -> int:
    return found.start() + len(field.folded.text[found.start() : found.end()].rstrip())


def _add(found: list[Value], places: Cover, field: Field, place: tuple[int, int], count: int, rule: str) -> None:
    if not 0 < count <= _MAX_COUNT or place[0] >= place[1] or not places.is_free(place):
        return
    amount = Decimal(count)
    found.append(replace(field.value("pack", str(count), place, rule), amount=amount, dimension="count"))
    places.add(place)
