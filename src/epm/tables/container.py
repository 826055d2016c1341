"""What kind of file it is, by its first bytes rather than by its name, and its bytes unpacked."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from epm.errors import DataError
from epm.files.gzip_stream import GZIP_MARK, unpacked
from epm.tables.mapping import TableFormat

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_FOREIGN = {
    b"\xd0\xcf\x11\xe0": "an old .xls workbook; save it as .xlsx or .csv",
    b"ARROW1": "an Arrow or Feather file; write it as .parquet or .csv",
    b"BZh": "a bzip2 file; unpack it",
    b"\xfd7zXZ": "an xz file; unpack it",
    b"\x28\xb5\x2f\xfd": "a Zstandard file; unpack it",
    b"%PDF": "a PDF; export the table as .csv or .xlsx",
    b"SQLite format 3": "a SQLite database; export the table as .csv",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
}


@dataclass(frozen=True, slots=True)
class Head:
    """The first bytes of a file, unpacked; ``is_whole`` if there are no more, ``is_packed`` if the file is gzip."""

    content: bytes
    is_whole: bool
    is_packed: bool = False


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked if it is gzip.

    Raises:
        DataError: it cannot be read, or its gzip is damaged.
    """
    try:
        with path.open("rb") as stream:
            is_packed = stream.read(2) == GZIP_MARK
            stream.seek(0)
            if not is_packed:
                yield stream
                return
            with unpacked(path, stream) as content:
                yield content
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(f"{str(path)!r} is a damaged gzip file ({error}); pack it again") from error
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}; give the path of a readable file") from error


def read_head(path: Path, n_bytes: int) -> Head:
    """At most the first ``n_bytes`` of the unpacked content; raises like :func:`opened`."""
    with opened(path) as stream:
        content = stream.read(n_bytes)
        is_whole = not stream.read(1)
    with path.open("rb") as packed:
        return Head(content, is_whole=is_whole, is_packed=packed.read(2) == GZIP_MARK)


def table_format(path: Path, head: Head) -> TableFormat:
    """The format of a table.

    Raises:
        DataError: an empty file, or one of a kind that holds no table epm can read.
    """
    start = head.content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise DataError(f"{str(path)!r} is empty: it must hold a header and at least one row")
    if start.startswith(b"PK\x03\x04"):
        if b"[Content_Types].xml" in head.content or b"xl/" in head.content:
            return _unpacked("xlsx", path, head)
        if b"opendocument.spreadsheet" in head.content:
            raise DataError(f"{str(path)!r} is an OpenDocument spreadsheet; save it as .xlsx or .csv")
        raise DataError(f"{str(path)!r} is a zip archive, no table; unpack it")
    if start.startswith(b"PAR1"):
        return _unpacked("parquet", path, head)
    _refuse_foreign(path, head, start)
    return "jsonl" if start.startswith(b"{") else "delimited"


def _unpacked(kind: TableFormat, path: Path, head: Head) -> TableFormat:
    if head.is_packed:
        raise DataError(f"{str(path)!r} is {kind} packed with gzip; unpack it")
    return kind


def _refuse_foreign(path: Path, head: Head, start: bytes) -> None:
    if start.startswith(b"["):
        raise DataError(f"{str(path)!r} is one JSON array; write one object a line (JSON Lines), for example with: jq -c '.[]'")
    if start.partition(b"\n")[0].strip() == b"{":
        raise DataError(f"{str(path)!r} is one JSON object over several lines; write one object a line, for example with: jq -c .")
    if start.startswith(_UTF16) and start[2:].replace(b"\0", b"").lstrip().startswith(b"{"):
        raise DataError(f"{str(path)!r} is JSON in UTF-16; save it as UTF-8")
    foreign = next((what for mark, what in _FOREIGN.items() if start.startswith(mark)), None)
    if foreign is not None and "EncryptedPackage".encode("utf-16-le") in head.content:
        foreign = "a workbook protected by a password; save it without one"
    if foreign is None and start[:200].lower().startswith((b"<html", b"<!doctype html", b"<?xml", b"<table")):
        foreign = "a web page or XML, whatever its name says; save it as .xlsx or .csv"
    if foreign is not None:
        raise DataError(f"{str(path)!r} is {foreign}")
