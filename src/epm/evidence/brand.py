"""Brands: from the brand field, a well-known alias, or the leading word of the title (a weak guess)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rapidfuzz.distance import Levenshtein

from epm.evidence.atoms import Value
from epm.evidence.fields import Field, is_free
from epm.evidence.normalise import squeeze

_MIN_LEAD = 3


def read_brand(fields: Sequence[Field], title: Field | None, taken: Sequence[tuple[int, int]]) -> Value | None:
    """The brand with ``trust`` ``field``, ``alias`` or ``lead``; ``None`` when nothing looks like one."""
    for field in fields:
        if field.kind == "brand" and field.words:
            known = next((phrase.value for phrase, _ in field.phrases_of("brand")), None)
            place = (field.words[0].start, field.words[-1].end)
            key = squeeze(known) if known else squeeze(field.folded.text)
            return replace(field.value("brand", key, place, "brand-field"), trust="field")
    if title is None:
        return None
    for phrase, place in title.phrases_of("brand"):
        if is_free(place, taken):
            return replace(title.value("brand", squeeze(phrase.value), place, "brand-alias"), trust="alias")
    return _leading_word(title, taken)


def _leading_word(title: Field, taken: Sequence[tuple[int, int]]) -> Value | None:
    grammar = [place for kind in ("stop", "compatibility", "bundle", "type") for _, place in title.phrases_of(kind)]
    for word in title.words[:6]:
        if not is_free((word.start, word.end), grammar):
            continue
        if len(word.key) >= _MIN_LEAD and word.key.isalpha() and is_free((word.start, word.end), taken):
            return replace(title.value("brand", word.key, (word.start, word.end), "brand-lead"), trust="lead")
    return None


def brands_agree(left: str, right: str) -> bool:
    """True if one brand key is the other or starts with it (``kolvra``, ``kolvrahome``)."""
    shorter, longer = sorted((left, right), key=len)
    return shorter == longer or (len(shorter) > _MIN_LEAD and longer.startswith(shorter))


def is_lookalike(left: str, right: str) -> bool:
    """True if two brand keys differ by a slip of the pen: neither agreement nor conflict."""
    return left != right and min(len(left), len(right)) > _MIN_LEAD and Levenshtein.distance(left, right, score_cutoff=1) <= 1
