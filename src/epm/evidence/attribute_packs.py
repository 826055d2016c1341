"""How many pieces are sold together: ``50/Pack``, ``6 pads per pack``, ``Set of 50``, ``1,000/Box``, ``96 sheets``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from epm.evidence.atoms import Value
from epm.evidence.attribute_text import alternatives, says_any
from epm.evidence.fields import Field, is_free
from epm.evidence.packs import read_packs

_COUNT = r"(?<![\w,/-])(?<![\d\s]\.)(\d{1,3}(?:,\d{3})+|\d{1,5})"
_END = r"(?![^\W_])"
_ENGINE_RULES = frozenset({"outer-inner", "pack-of", "n-pack", "n-er", "noun-n", "pack-word"})


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    container, piece = alternatives("attribute_container", "container"), alternatives("attribute_container", "piece")
    noun = r"(?:(?!per\b)[a-z][a-z-]* ){0,2}"
    return (
        ("count-slash", re.compile(rf"{_COUNT}(?: {piece})? ?/ ?{container}{_END}")),
        ("count-noun-slash", re.compile(rf"{_COUNT} (?:[a-z][a-z-]* )?[a-z]+/{container}{_END}")),
        ("count-per", re.compile(rf"{_COUNT} {noun}(?:per|a|to a|in a) {container}{_END}")),
        ("container-of", re.compile(rf"(?<![^\W_]){container} of {_COUNT}{_END}")),
        ("packaging", re.compile(rf"(?<=packaging: ){_COUNT} {container}{_END}")),
    )


@lru_cache(maxsize=1)
def _pieces() -> re.Pattern[str]:
    return re.compile(rf"{_COUNT}[ -]{alternatives('attribute_container', 'piece')}{_END}(?! ?(?:/|capacity))")


def read_pack_quantities(fields: Sequence[Field]) -> tuple[Value, ...]:
    """The pack quantities of an offer, the most explicit and then the earliest field first."""
    found: list[Value] = []
    for field in fields:
        taken: list[tuple[int, int]] = []
        for rule, pattern in _patterns():
            for m in pattern.finditer(field.folded.text):
                if is_free(m.span(), taken):
                    taken.append(m.span())
                    found.append(_counted(field, m, rule))
        if field.kind == "title":
            found += [v for v in read_packs(field, taken) if v.rule in _ENGINE_RULES]
    if not says_any(fields[:1], "attribute_container", "holder"):
        for field in fields[:1] if found else fields:
            places = [(v.start, v.end) for v in found if v.field == field.folded.field]
            found += [_counted(field, m, "pieces") for m in _pieces().finditer(field.folded.text) if is_free(m.span(), places)]
    return tuple(replace(v, attribute="pack_quantity") for v in found)


def _counted(field: Field, found: re.Match[str], rule: str) -> Value:
    amount = Decimal(found.group(1).replace(",", ""))
    return replace(field.value("pack_quantity", str(amount), found.span(), rule), amount=amount, dimension="count")
