"""Part, model and stock numbers, and retail UPCs of an offer.

An offer often shows several codes: its own number, the numbers of what it fits, alternates of other sellers. Its own stands
where sellers put it (first, after the maker, after a dash, at the end), is labelled, or is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from epm.evidence.atoms import Value
from epm.evidence.fields import Field, is_free
from epm.evidence.identifiers import gtin_digits, gtin_trust, read_title_codes
from epm.evidence.normalise import squeeze

_UPC = re.compile(r"(?:upc|ean|gtin)(?:[- ]?(?:a|8|12|13|14))?(?: ?code)?s? ?[:#.]{0,2} ?(\d{8}|\d{11,14})(?!\d)")
_LABELLED = re.compile(
    r"(?:part|model|item|stock|mfr|manufacturer|mpn|sku)(?: ?(?:number|no\.?|num|nr\.?|#))?(?:\(s\))? ?(?:number|no\.?|#)?(?:\(s\))? ?:? ?"
    r"(?=[a-z0-9./-]{0,60}\d)([a-z0-9]+(?:[-./][a-z0-9]+)*)"
)
_OTHERS = re.compile(r"(?:(?<![^\W_])(?:for|fits|to|with|w/|replaces|series|compatible|alternate item ?#?:?)|w/) ?(?:[a-z]+ ){0,2}$")
_BY_MAKER = re.compile(r"(?<![^\W_])by (?:[^\s,|]+ ){1,3}$")
_DASH = re.compile(r"(?:^|\s)[-|] $")
_NO_CODE = re.compile(r"\.(?:com|net|org|de|uk|fr)$|^\d{1,2}-[a-z]{4,}$")
_MAX_REPEATS = 3


def read_upcs(fields: Sequence[Field]) -> tuple[Value, ...]:
    """The labelled retail barcodes, each with its trust grade."""
    found = []
    for field in fields:
        for m in _UPC.finditer(field.folded.text):
            value = field.value("upc", m.group(1), m.span(1), "upc-label")
            found.append(replace(value, trust=gtin_trust(gtin_digits(m.group(1)) or m.group(1).zfill(14))))
    return tuple(found)


def read_part_numbers(title: Field, description: Field | None, taken: Sequence[Value]) -> tuple[Value, ...]:
    """The offer's own number first, then other codes of its title; those of the description only without any in the title.

    ``taken`` are values of other attributes: no code is read in them.
    """
    codes = [
        v
        for v in read_title_codes(title, _places(taken, title))
        if v.rule == "code" and _NO_CODE.search(title.folded.text[v.start : v.end]) is None
    ]
    texts = [title.folded.text] + ([description.folded.text] if description else [])
    ranked = sorted(codes, key=lambda value: (-_standing(title, value, texts), value.start))
    own = {value.key: value for value in reversed(ranked)}
    if own or description is None:
        return tuple(replace(v, attribute="part_number", rule="code-title") for v in ranked if own.pop(v.key, None) is not None)
    described = _places(taken, description)
    labelled = (m for m in _LABELLED.finditer(description.folded.text) if is_free(m.span(1), described))
    return tuple(description.value("part_number", squeeze(m.group(1)), m.span(1), "code-label") for m in labelled)


def _places(values: Sequence[Value], field: Field) -> list[tuple[int, int]]:
    return [(value.start, value.end) for value in values if value.field == field.folded.field]


def _standing(title: Field, code: Value, texts: Sequence[str]) -> float:
    """How much a code of the title looks like the offer's own number."""
    before, after = title.folded.text[: code.start], title.folded.text[code.end :]
    written = title.folded.text[code.start : code.end]
    n_repeats = min(sum(len(re.findall(rf"(?<![^\W_]){re.escape(written)}(?![^\W_])", text)) for text in texts) - 1, _MAX_REPEATS)
    score = 1.5 * n_repeats + min(len(code.key), 10) / 10
    if not before.strip(' "') or _DASH.search(before) or _BY_MAKER.search(before):
        score += 3
    if not after.strip(' "') or after.startswith((" - ", " |")):
        score += 1.5
    if len(before.split()) in {1, 2, 3}:
        score += 1.5 / len(before.split())
    if _OTHERS.search(before) or before.endswith(("(", ",")):
        score -= 3
    labelled = any(m.group(1) == written for text in texts for m in _LABELLED.finditer(text))
    return score + 2 * labelled
