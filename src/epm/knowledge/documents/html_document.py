"""The text of an HTML page as a reader sees it: without scripts, menus, comments and what is hidden.

lxml alone parses it: libxml2 bounds how deeply tags are nested, where Beautiful Soup takes time by the square of the depth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from epm.errors import DataError
from epm.files.bounds import current_bounds, long_cell

if TYPE_CHECKING:
    from lxml.html import HtmlElement

MAX_BYTES = 16 << 20
"""A saved page with its pictures written into it takes a few megabytes; its tree takes some ten times the file."""
_UNSEEN = frozenset({"script", "style", "noscript", "template", "svg", "iframe", "nav", "form", "object"})
"""``header``, ``aside`` and ``footer`` stay: data sheets stand in them too."""
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])", re.IGNORECASE)
_INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "dfn", "em", "font", "i", "kbd", "mark", "q", "s", "samp", "small", "span",
     "strong", "sub", "sup", "time", "u", "var", "wbr"}
)  # fmt: skip
_CELLS = frozenset({"td", "th"})
_SPACES, _LINES = re.compile(r"[^\S\n]+"), re.compile(r"\s*\n\s*")


def html_text(path: Path) -> str:
    """The text of a page, a line for each block and row.

    Raises:
        DataError: the file cannot be read, is too large, or holds no text.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}; give the path of a readable file") from error
    if len(content) > MAX_BYTES:
        raise DataError(
            f"{str(path)!r} takes {len(content) >> 20:,} MB, but at most {MAX_BYTES >> 20} are read of a page; save its text as .txt"
        )
    page = _parsed(path, content)
    text = "" if page is None else _LINES.sub("\n", _SPACES.sub(" ", "".join(_parts(page)))).strip()
    if len(text) > current_bounds().max_cell_chars:
        raise DataError(f"{str(path)!r} {long_cell(len(text))}")
    if not text:
        raise DataError(f"{str(path)!r} holds no text that a reader sees; is it a page that a script fills? save its text as .txt")
    return text


def _parsed(path: Path, content: bytes) -> HtmlElement | None:
    from lxml import etree, html

    try:
        content.decode("utf-8-sig")
        encoding = "utf-8"  # pages often do not say so
    except UnicodeDecodeError:
        encoding = None  # as the page says, else Latin-1
    parser = html.HTMLParser(encoding=encoding, no_network=True, remove_comments=True, remove_pis=True)
    try:
        return html.document_fromstring(content.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b""), parser=parser)
    except etree.ParserError:  # an empty document
        return None
    except (etree.LxmlError, ValueError, LookupError) as error:
        said = " ".join(str(error).split())[:120]
        raise DataError(f"{str(path)!r} is no HTML that can be read ({said}); save its text as .txt") from error


def _parts(page: HtmlElement) -> Iterator[str]:
    """The text in order, with a line end around each block and a space behind each cell; no recursion, however deep the page."""
    waiting: list[HtmlElement | str] = [page]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
            continue
        tag = part.tag
        edge = "" if tag in _INLINE else " " if tag in _CELLS else "\n"
        waiting.append(part.tail or "")
        if isinstance(tag, str) and tag not in _UNSEEN and not _is_hidden(part):
            waiting.append(edge)
            waiting.extend(reversed(part))
            waiting.append(f"{edge}{part.text or ''}")


def _is_hidden(element: HtmlElement) -> bool:
    attributes = element.attrib
    return (
        "hidden" in attributes or attributes.get("aria-hidden") == "true" or _HIDDEN_STYLE.search(attributes.get("style", "")) is not None
    )
