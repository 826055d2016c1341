"""Noise: promotional phrases, platform tags and warranty talk. They change nothing; their places are kept for audit."""

from __future__ import annotations

import re

from epm.evidence.atoms import Value
from epm.evidence.fields import Field

_WARRANTY = re.compile(
    r"\d{1,2}[ -]?(?:years?|yrs?|jahre?|ans|anos|anni|months?|monate|mois)(?: (?:de |di )?(?:warranty|guarantee|garantie|garantia|garanzia))?"
)
_TAG = re.compile(r"[\[【][^\]】]{0,30}[\]】]")
_MARK = re.compile(r"\( ?(?:r|tm|c) ?\)")
"""A trade mark written in plain letters."""
_SELLER = re.compile(
    r"(?<![^\W_])[^\W_]*(?:shop|store|market|markt|marche|outlet|deals?|direkt|direct|express|mall|hub)[^\W_]*(?=\W*$|\W*[|\])])"
)
_PERCENT = re.compile(r"-? ?\d{1,3} ?%(?: (?:off|rabatt|sale|discount|reduziert|de reduction|descuento|sconto))?")


def read_noise(field: Field) -> tuple[Value, ...]:
    """The stretches of a field that say nothing about the product."""
    found = [field.value("noise", phrase.value, place, "noise-phrase") for phrase, place in field.phrases_of("noise")]
    for rule, pattern in (("noise-warranty", _WARRANTY), ("noise-percent", _PERCENT), ("noise-mark", _MARK)):
        found.extend(field.value("noise", rule, m.span(), rule) for m in pattern.finditer(field.folded.text))
    found.extend(field.value("noise", "tag", m.span(), "noise-tag") for m in _TAG.finditer(field.folded.text))
    found.extend(
        field.value("noise", "seller", m.span(), "noise-seller") for m in _SELLER.finditer(field.folded.text) if _is_compound(field, m)
    )
    return tuple(found)


def _is_compound(field: Field, found: re.Match[str]) -> bool:
    """True for ``MarketHub`` and ``@shop24``-like names: a capital inside a word marks a seller, ``USB hub`` is a product."""
    quote = field.span(*found.span()).quote
    return any(c.isupper() for c in quote[1:]) and not quote.isupper()
