"""Brands: from the brand field, a well-known alias, or the leading word of the title (a weak guess)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

from epm.evidence.atoms import Value
from epm.evidence.fields import Cover, Field, Taken, is_unbranded
from epm.evidence.normalise import Token, fold, squeeze, tokens
from epm.evidence.words import word_list

_MIN_LEAD = 3
_MAX_LINE_WORDS = 2


def read_brand(fields: Sequence[Field], title: Field | None, taken: Taken, others: Sequence[Value] = ()) -> Value | None:
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
    taken = Cover(taken)
    first = next((word.start for word in title.words if taken.is_free((word.start, word.end))), 0)
    for phrase, place in title.phrases_of("brand"):
        # Elsewhere in a title the word may well be a product line: makers lead.
        if taken.is_free(place) and place[0] <= first:
            return replace(title.value("brand", squeeze(phrase.value), place, "brand-alias"), trust="alias")
    return _known_line(title, first) or _leading_word(title, taken, others)


def _known_line(title: Field, first: int) -> Value | None:
    """The maker of the product line that a title leads with: "Galaxy" is Samsung's. A guess, for lines share words with other goods."""
    makers = line_makers()
    words = [word for word in title.words if word.start >= first][:_MAX_LINE_WORDS]
    for n in range(len(words), 0, -1):
        maker = makers.get(tuple(word.key for word in words[:n]))
        if maker is not None:
            return replace(title.value("brand", maker, (words[0].start, words[n - 1].end), "brand-line"), trust="lead")
    return None


@lru_cache(maxsize=1)
def line_makers() -> Mapping[tuple[str, ...], str]:
    """The brand key of each known product line, by the words of the line."""
    return {tuple(t.key for t in tokens(fold("", line))): squeeze(maker) for maker, lines in word_list("line").items() for line in lines}


def _leading_word(title: Field, taken: Cover, others: Sequence[Value]) -> Value | None:
    grammar = Cover([place for kind in ("stop", "compatibility", "bundle", "type", "edition") for _, place in title.phrases_of(kind)])
    for value in others:
        grammar.add((value.start, value.end))
    for word in title.words:
        if not grammar.is_free((word.start, word.end)) or is_unbranded(word.key):
            continue
        if len(word.key) >= _MIN_LEAD and word.key.isalpha() and taken.is_free((word.start, word.end)):
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
