"""Foreign text in files for people: none of it is run as a formula by a spreadsheet, or obeyed by a terminal that prints the file.

A cell that a spreadsheet would run is led by an apostrophe, which import takes off. Control characters are written out.
"""

from __future__ import annotations

_FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
_QUOTE = "'"


def written_out(text: str) -> str:
    r"""The text with every character that does not print as an escape such as ``\x1b``; line ends, tabs and spaces stay."""
    return "".join(
        character if character.isprintable() or character in "\t\n\r\xa0" else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def safe_cell(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would not take it as text, or if it could be taken for one so led."""
    return _QUOTE + text if text[:1] in _FORMULA_STARTS or is_led(text) else text


def plain_cell(text: str) -> str:
    """The text that :func:`safe_cell` made safe; what people write themselves stays, unless it looks just so."""
    return text[1:] if is_led(text) else text


def is_led(text: str) -> bool:
    """True for a formula's start behind one or more apostrophes."""
    return text.startswith(_QUOTE) and text.lstrip(_QUOTE)[:1] in _FORMULA_STARTS
