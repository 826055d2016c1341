"""The user's own files as knowledge entries: text, rows of text, and catalogues of listings.

``.txt``, ``.md``, ``.html`` and each page of a ``.pdf`` are one document each. A ``.csv`` or ``.jsonl`` with a column ``text`` holds a document in each row (``id``,
``text`` and perhaps ``source``); a table with a column ``title`` is a catalogue, whose listings become rivals. An entry's
id comes from file, row and words, so that equal content gives equal ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from epm.blocking.listing_table import read_listings
from epm.errors import ConfigError, DataError
from epm.files import csv_table, json_lines
from epm.files.raw import RawRow, present_columns, require_distinct_columns
from epm.first_problem import first_problem
from epm.knowledge.catalogue import listing_entry_id, listing_text
from epm.knowledge.documents.html_document import html_text
from epm.knowledge.documents.passages import passages
from epm.knowledge.documents.pdf_document import pdf_pages
from epm.knowledge.index import KnowledgeEntry
from epm.listing import Listing

TEXT_ENDINGS = (".txt", ".md")
PAGE_ENDINGS = (".pdf", ".html", ".htm", ".xhtml")
TABLE_ENDINGS = (".csv", ".jsonl", ".jsonl.gz", ".parquet")
_ENDINGS = (*TEXT_ENDINGS, *PAGE_ENDINGS, *TABLE_ENDINGS)
FILE = "file"
"""The key of an entry's metadata that names the file it was read from."""
_KEY_CHARS = 24


class DocumentRow(BaseModel):
    """One document of a table."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    id: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(min_length=1)]
    source: Annotated[str | None, Field(max_length=500)] = None


@dataclass(frozen=True, slots=True)
class KnowledgeFile:
    """One file and what it says, as entries without a time."""

    path: Path
    entries: tuple[KnowledgeEntry, ...]


@dataclass(frozen=True, slots=True)
class KnowledgeFiles:
    """The files that were read, and those of a folder that hold no text."""

    read: tuple[KnowledgeFile, ...]
    passed_over: tuple[Path, ...]


def read_knowledge(places: Sequence[Path], *, visible: Callable[[Listing], Listing]) -> KnowledgeFiles:
    """What files and folders hold; ``visible`` takes from a listing what may not be shown.

    Raises:
        DataError: a place is absent or holds nothing to read, a file is damaged or of another format, or a row is bad.
    """
    read: dict[Path, KnowledgeFile] = {}
    passed_over: list[Path] = []
    for place in places:
        for path, shown in _files(place):
            if not _is_known(path) and place.is_dir():
                passed_over.append(path)
            else:
                read[path.resolve()] = KnowledgeFile(path, tuple(_entries(path, shown, visible)))
    if not read:
        names = ", ".join(repr(str(place)) for place in places)
        raise DataError(f"{names}: no file to read; give {', '.join(_ENDINGS)} or a folder with some")
    return KnowledgeFiles(tuple(read.values()), tuple(passed_over))


def _files(place: Path) -> Iterator[tuple[Path, str]]:
    """Each file of a place and the name by which it is cited: no folder above the given one, for citations are shown to models."""
    if not place.is_dir():
        yield place, place.name
        return
    for path in sorted(place.rglob("*")):
        inner = path.relative_to(place)
        if path.is_file() and not any(part.startswith(".") for part in inner.parts):
            yield path, (Path(place.resolve().name) / inner).as_posix()


def _is_known(path: Path) -> bool:
    return path.name.lower().endswith(_ENDINGS)


def _entries(path: Path, shown: str, visible: Callable[[Listing], Listing]) -> Iterator[KnowledgeEntry]:
    if not path.is_file():
        raise DataError(f"{str(path)!r} is not there; give a file or a folder")
    if not _is_known(path):
        raise DataError(f"{str(path)!r} is no text or table that can be read; its name must end in {', '.join(_ENDINGS)}")
    if path.name.lower().endswith(TEXT_ENDINGS):
        yield from _document(path, "", _text_of(path), shown)
    elif path.name.lower().endswith(PAGE_ENDINGS):
        yield from _pages(path, shown)
    elif _columns(path) & {"title"} or path.name.lower().endswith((".gz", ".parquet")):
        yield from _listings(path, shown, visible)
    else:
        yield from _rows(path, shown)


def _pages(path: Path, shown: str) -> Iterator[KnowledgeEntry]:
    """The passages of a page or of a PDF, whose pages are cited by number.

    Raises:
        ConfigError: the libraries that read them are not installed.
    """
    if find_spec("pypdf") is None or find_spec("lxml") is None:
        raise ConfigError(f"{str(path)!r} needs the extra that reads PDF and HTML: pip install 'epm[rag]'")
    if path.name.lower().endswith(".pdf"):
        for number, text in enumerate(pdf_pages(path), start=1):
            yield from _document(path, f"page {number}", text, f"{shown}, page {number}")
    else:
        yield from _document(path, "", html_text(path), shown)


def _text_of(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{str(path)!r} is not UTF-8 at byte {error.start}; save the file as UTF-8") from error
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}; give the path of a readable file") from error
    if "\0" in text:
        raise DataError(f"{str(path)!r} holds a zero byte, so it is no text; take it out of what is added")
    return text


def _document(path: Path, row: str, text: str, shown: str) -> Iterator[KnowledgeEntry]:
    cut = passages(text)
    n_seen: dict[str, int] = {}
    for number, passage in enumerate(cut, start=1):
        n_seen[passage] = n_seen.get(passage, 0) + 1
        yield KnowledgeEntry(
            id=f"document-{_digest(str(path.resolve()), row, passage, str(n_seen[passage]))}", kind="document", text=passage,
            provenance=f"{shown}, passage {number} of {len(cut)}", metadata={FILE: str(path.resolve())},
        )  # fmt: skip


def _rows(path: Path, shown: str) -> Iterator[KnowledgeEntry]:
    line_of: dict[str, int] = {}
    for raw in _raw_rows(path):
        where = f"{str(path)!r}, line {raw.line}"
        row = _parsed(raw, where)
        earlier = line_of.setdefault(row.id, raw.line)
        if earlier != raw.line:
            raise DataError(f"{where}: repeats the id {row.id!r} of line {earlier}; ids must be unique: change or remove one")
        origin = f"{shown}, row {row.id}"
        yield from _document(path, row.id, row.text, origin if row.source is None else f"{row.source} ({origin})")


def _parsed(raw: RawRow, where: str) -> DocumentRow:
    if raw.values is None:
        raise DataError(f"{where}: {raw.problem}")
    values = {name: value for name, value in raw.values.items() if not (name == "source" and value == "")}
    try:
        return DocumentRow.model_validate(values)
    except ValidationError as error:
        raise DataError(f"{where}: {first_problem(error)}; a document has id, text and perhaps source, a listing has a title") from error


def _listings(path: Path, shown: str, visible: Callable[[Listing], Listing]) -> Iterator[KnowledgeEntry]:
    for number, listing in enumerate(read_listings(path), start=1):
        seen = visible(listing)
        yield KnowledgeEntry(
            id=listing_entry_id(seen), kind="listing", text=listing_text(seen), provenance=f"{shown}, listing {number}",
            metadata={FILE: str(path.resolve())},
        )  # fmt: skip


def _columns(path: Path) -> frozenset[str]:
    """The columns of a table's first row.

    Raises:
        DataError: neither documents nor listings.
    """
    first: Mapping[str, object] = next((row.values for row in _raw_rows(path) if row.values is not None), {})
    if not first.keys() & {"text", "title"}:
        raise DataError(
            f"{str(path)!r} has no column 'text' (documents) and none 'title' (listings); {present_columns(list(first))}; rename one"
        )
    return frozenset(first)


def _raw_rows(path: Path) -> Iterator[RawRow]:
    try:
        if path.name.lower().endswith(".csv"):
            yield from csv_table.read_rows(path, require=require_distinct_columns)
        elif path.name.lower().endswith(".jsonl"):
            yield from json_lines.read_rows(path)
        else:
            yield RawRow(1, {"title": ""})  # packed tables are catalogues; read_listings says what is wrong with others
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}; give the path of a readable file") from error


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_CHARS]
