r"""Foreign text on a terminal: whatever a listing, a model or a server wrote is shown, and never obeyed.

Escape sequences, other control characters and characters that turn the reading direction are written out (``\x1b``), so
that a hostile title can neither colour nor move the terminal.
"""

from __future__ import annotations

import re

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
"""What a terminal may act on: C0 without tab and line feed, DEL, C1, invisible and direction marks, and invisible tags."""


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


def disarmed(text: str, *, kept: str = "") -> str:
    r"""The text, lines and all, with what a terminal may act on as ``\u001b``, except the characters in ``kept``; JSON keeps its meaning."""
    return _OBEYED.sub(lambda found: found[0] if found[0] in kept else json_escape(found[0]), text)


def json_escape(character: str) -> str:
    r"""The character as JSON writes it in ASCII: ``\u20ac``, a pair of them beyond the first 65,536."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    # control characters that Python counts as spaces (file and group separators) are no spaces here
    if character in "\t\n\r" or (character.isspace() and character > "\x9f"):
        return " "
    return character.encode("unicode_escape").decode("ascii")
