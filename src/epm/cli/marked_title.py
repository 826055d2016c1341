"""A title with marked spans: brackets in plain text, colours on a terminal. The title itself is never read as markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from epm.cli.streams import rich_console

_STYLES = {"=": "green", "!": "bold red", "?": "yellow", "": ""}
_ORDER = "!=?"


@dataclass(frozen=True, slots=True)
class Mark:
    """A span of a title and its sign: ``=`` same, ``!`` different, ``?`` unknown."""

    start: int
    end: int
    sign: str


def marked_parts(title: str, marks: Sequence[Mark]) -> Iterator[tuple[str, str]]:
    """The title in pieces with their signs, in order; joined they are the title. Of overlapping marks the weightier wins."""
    signs = [""] * len(title)
    for mark in sorted(marks, key=lambda m: (_ORDER.index(m.sign), m.start - m.end)):
        if not any(signs[mark.start : mark.end]):
            signs[mark.start : mark.end] = [f"{mark.start}{mark.sign}"] * (mark.end - mark.start)
    start = 0
    for end in range(1, len(title) + 1):
        if end == len(title) or signs[end] != signs[start]:
            yield title[start:end], signs[start][-1:]
            start = end


def plain_title(title: str, marks: Sequence[Mark]) -> str:
    """The title in one line, each marked span in brackets after its sign; control characters become spaces."""
    parts = ((_printable(text), sign) for text, sign in marked_parts(title, marks))
    return "".join(f"[{sign}{text}]" if sign else text for text, sign in parts)


def drawn_titles(left: tuple[str, Sequence[Mark]], right: tuple[str, Sequence[Mark]]) -> None:
    """Print both titles beside each other, wrapped, with coloured spans."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(expand=True)
    for side in ("left", "right"):
        drawn.add_column(side, ratio=1, overflow="fold")
    cells = [Text.assemble(*((_printable(text), _STYLES[sign]) for text, sign in marked_parts(*one))) for one in (left, right)]
    drawn.add_row(*cells)
    rich_console().print(drawn)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
