r"""Foreign text on a terminal: whatever a listing, a model or a server wrote is shown, and never obeyed.

Escape sequences, other control characters and characters that turn the reading direction are written out (``\x1b``), so
that a hostile title can neither colour nor move the terminal.
"""

from __future__ import annotations


def visible(text: str) -> str:
    """The text in one line, with every character that does not print written as an escape; line ends and odd spaces become spaces."""
    return "".join(_shown(character) for character in text)


def visible_lines(text: str) -> list[str]:
    """The same, line by line."""
    return [visible(line) for line in text.split("\n")]


def cut(text: str, limit_chars: int) -> str:
    """The visible text with runs of spaces joined, at most so long, and how much is left out."""
    joined = " ".join(visible(text).split())
    return joined if len(joined) <= limit_chars else f"{joined[:limit_chars]}… ({len(joined) - limit_chars:,} more characters)"


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    # control characters that Python counts as spaces (file and group separators) are no spaces here
    if character in "\t\n\r" or (character.isspace() and character > "\x9f"):
        return " "
    return character.encode("unicode_escape").decode("ascii")
