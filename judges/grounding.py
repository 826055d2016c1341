"""Quotes are verbatim: each one stands in the listing of the side it is attributed to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from epm.judges.faults import Fault
from epm.pair import Pair
from epm.prompts.data_fields import FIELD_CHARS, OTHER_FIELD_CHARS, clean_text
from epm.rationale import Axis, Rationale

_SHOWN_CHARS = 60


def grounding_faults(pair: Pair, rationale: Rationale) -> Iterator[Fault]:
    """One fault for each quote that its listing does not contain."""
    sides = {"left": pair.left.texts(), "right": pair.right.texts()}
    for axis in Axis:
        for cell in rationale.finding(axis).comparisons:
            for side, quote in (("left", cell.left), ("right", cell.right)):
                if quote is not None and not is_quoted(quote, sides[side]):
                    yield Fault(
                        axis,
                        "unsound",
                        "quotes",
                        f"{cell.attribute} quotes {quote[:_SHOWN_CHARS]!r}, which the {side} listing does not say",
                    )


def is_quoted(quote: str, texts: Mapping[str, str]) -> bool:
    """True if one field contains the quote character for character, as it stands or as models are shown it."""
    if not quote.strip():
        return False
    if any(quote in text for text in texts.values()):
        return True
    return any(quote in clean_text(text, FIELD_CHARS.get(name, OTHER_FIELD_CHARS)) for name, text in texts.items())
