"""Brands: from the brand field, a well-known alias, or the leading word of the title (a weak guess)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rapidfuzz.distance import Levenshtein

from epm.evidence.atoms import Value
from epm.evidence.fields import Field, is_free
from epm.evidence.normalise import Token, squeeze

_MIN_LEAD = 3


def read_brand(
    fields: Sequence[Field], title: Field | None, taken: Sequence[tuple[int, int]], others: Sequence[Value] = ()
) -> Value | None:
    """The brand with ``trust`` ``field``, ``alias`` or ``lead``; ``None`` when nothing looks like one.

    ``others`` are stretches of the title that speak of another product: no brand is guessed from them.
    """
    for field in fields:
        if field.kind == "brand" and field.words:
            known = next((phrase.value for phrase, _ in field.phrases_of("brand")), None)
            place = (field.words[0].start, field.words[-1].end)
            key = squeeze(known) if known else squeeze(field.folded.text)
            return replace(field.value("brand", key, place, "brand-field"), trust="field")
    if title is None:
        return None
    for phrase, place in title.phrases_of("brand"):
        # Elsewhere in a title the word may well be a product line: makers lead.
        if is_free(place, taken) and not any(word.end <= place[0] and is_free((word.start, word.end), taken) for word in title.words):
            return replace(title.value("brand", squeeze(phrase.value), place, "brand-alias"), trust="alias")
    return _leading_word(title, taken, others)


def _leading_word(title: Field, taken: Sequence[tuple[int, int]], others: Sequence[Value]) -> Value | None:
    grammar = [place for kind in ("stop", "compatibility", "bundle", "type") for _, place in title.phrases_of(kind)]
    grammar += [(value.start, value.end) for value in others]
    for word in title.words:
        if not is_free((word.start, word.end), grammar):
            continue
        if len(word.key) >= _MIN_LEAD and word.key.isalpha() and is_free((word.start, word.end), taken):
            last = _joined_by_ampersand(title, word)
            return replace(
                title.value("brand", squeeze(title.folded.text[word.start : last.end]), (word.start, last.end), "brand-lead"), trust="lead"
            )
    return None


def _joined_by_ampersand(title: Field, word: Token) -> Token:
    """The last word of a name like "Arm & Hammer" that begins with a word."""
    after = next((other for other in title.words if other.start >= word.end), None)
    if after is not None and after.key.isalpha() and title.folded.text[word.end : after.start].strip() in {"&", "+"}:
        return after
    return word


def brands_agree(left: str, right: str) -> bool:
    """True if one brand key is the other or starts with it (``kolvra``, ``kolvrahome``)."""
    shorter, longer = sorted((left, right), key=len)
    return shorter == longer or (len(shorter) > _MIN_LEAD and longer.startswith(shorter))


def is_lookalike(left: str, right: str) -> bool:
    """True if two brand keys differ by a slip of the pen: neither agreement nor conflict."""
    return left != right and min(len(left), len(right)) > _MIN_LEAD and Levenshtein.distance(left, right, score_cutoff=1) <= 1
