"""Text that gives orders to whoever reads it: no shop has a reason to.

A pattern finds known shapes only, so nothing is cut out and nothing is refused because of it: a draft that was written
with such text in view has to stand up to a stricter check.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_VERDICT = r"(?:no[_ -]?match|match\b|the same (?:product|item)|as (?:identical|exact|duplicates?)\b|different products?)"
_VALUE = r"(?:no[_ -]?match|match|identical|exact|different)\b"
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|prompts?|rules?|context|guidelines)\b"
    rf"|\b(?:answer|respond|reply|output|return|label|classify|mark|declare|judge|decide|report|say)\b.{{0,60}}\b{_VERDICT}"
    rf"|\b(?:label|verdict|relation|answer)\s*[\"']?\s*[:=]\s*[\"']?{_VALUE}"
    r"|\b(?:system|developer) (?:prompt|message|override)\b"
    r"|\b(?:dear|attention|note to|as an?) (?:ai|llm|language model|assistant|model|judge|annotator|reviewer)\b"
    r"|\bthese (?:two )?(?:listings|offers|products|items) (?:are|must be|should be) (?:the same|identical|different|equal)",
    re.IGNORECASE | re.DOTALL,
)
_SHOWN_CHARS = 60


def order_in(texts: Iterable[str]) -> str | None:
    """The first order that stands in the texts, cut to a line; ``None`` where there is none."""
    for text in texts:
        found = _ORDERS.search(text)
        if found is not None:
            return " ".join(found.group()[:_SHOWN_CHARS].split())
    return None
