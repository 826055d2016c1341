"""``student-prompt v1``: what a student reads.

    <left>KOLVRA KX-120 kettle black|brand:Kolvra|mpn:KX-120</left><right>Kettle Kolvra KX120</right><explain>

followed by a newline, so that no token spans the border between prompt and completion. ``<explain>`` asks for a whole
rationale, ``<decide>`` for the label alone. Listing text is escaped like quotes: it can never open or close a segment.
Each field is cut to a fixed number of characters, so that a long page cannot push the answer out of the context.
Frozen: the shipped seed student was trained on it.
"""

from __future__ import annotations

from enum import StrEnum

from epm.listing import Listing
from epm.pair import Pair
from epm.student_text import escape

PROMPT_NAME = "student-prompt v1"
TITLE_CHARS = 200
FIELD_CHARS = 60
DESCRIPTION_CHARS = 160
ATTRIBUTES_KEPT = 6
TAGS = (
    "<left>", "</left>", "<right>", "</right>", "<explain>", "<decide>", "<core>", "</core>", "<identifier>", "</identifier>",
    "<variant>", "</variant>", "<relation>", "</relation>", "<label>", "</label>",
)  # fmt: skip
"""Every structural mark of prompt and completion: one token each in the seed's own tokenizer."""


class Mode(StrEnum):
    """Which answer is asked for."""

    RATIONALE = "explain"
    LABEL = "decide"


def render_prompt(pair: Pair, mode: Mode = Mode.RATIONALE) -> str:
    """The prompt of one pair, ending in a newline."""
    return f"<left>{_render_listing(pair.left)}</left><right>{_render_listing(pair.right)}</right><{mode}>\n"


def _render_listing(listing: Listing) -> str:
    fields = [_clean(listing.title, TITLE_CHARS)]
    named = {"brand": listing.brand, "mpn": listing.mpn, "gtin": listing.gtin}
    named.update(list(listing.attributes.items())[:ATTRIBUTES_KEPT])
    fields.extend(f"{_clean(name, FIELD_CHARS)}:{_clean(value, FIELD_CHARS)}" for name, value in named.items() if value)
    if listing.description:
        fields.append(_clean(listing.description, DESCRIPTION_CHARS))
    return "|".join(fields)


def _clean(text: str, limit_chars: int) -> str:
    return escape(" ".join(text[: 4 * limit_chars].split())[:limit_chars])
