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
_PRICE = re.compile(
    r"(?:(?:nur|only|ab|from|seulement|solo|ahora|jetzt|now) )?(?:[$€£₩¥]|(?<![^\W_])(?:usd|eur|gbp|chf|krw)) ?\d{1,7}(?:[.,]\d{1,3}){0,2}(?![^\W_])"
    r"|(?:(?:nur|only|ab|from|seulement|solo|ahora|jetzt|now) )?(?<![^\W_])(?<!\d[.,])\d{1,7}(?:[.,]\d{1,3}){0,2} ?(?:[€£₩¥]|(?:eur|euro|euros|usd|gbp|chf|krw)(?![^\W_]))"
)
_CURRENCY = re.compile(r"[$€£₩¥]|(?<![^\W_\d])(?:usd|eur|gbp|chf|krw)")
_MARKUP = re.compile(r"</?(?:b|i|u|p|br|strong|em|span|div|li|ul|ol|font|h[1-6]|sup|sub|small|a)(?: [^<>]{0,80})? ?/?>")


def read_noise(field: Field) -> tuple[Value, ...]:
    """The stretches of a field that say nothing about the product."""
    found = [field.value("noise", phrase.value, place, "noise-phrase") for phrase, place in field.phrases_of("noise")]
    patterns = [("noise-warranty", _WARRANTY), ("noise-percent", _PERCENT), ("noise-mark", _MARK)]
    if _CURRENCY.search(field.folded.text):
        patterns.append(("noise-price", _PRICE))
    if "<" in field.folded.text:
        patterns.append(("noise-markup", _MARKUP))
    for rule, pattern in patterns:
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
