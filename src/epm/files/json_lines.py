"""Pairs as JSON Lines: one object a line, plain or gzip."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from epm.errors import DataError
from epm.files.bounds import many_columns
from epm.files.gzip_stream import unpacked
from epm.files.raw import RawRow, TextLine, text_lines
from epm.files.rows import WrittenNumber

_MAX_DEPTH = 100
"""Records nest a handful deep; Python's own limit, some hundreds, is met at other places than where the line is known."""
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


def read_rows(path: Path) -> Iterator[RawRow]:
    """The rows of a ``.jsonl`` or ``.jsonl.gz`` file; blank lines are passed over.

    Raises:
        DataError: a ``.gz`` file that is no gzip, is damaged or ends early.
    """
    with path.open("rb") as packed:
        if path.suffix != ".gz":
            yield from parsed_rows(text_lines(packed))
            return
        try:
            with unpacked(path, packed) as stream:
                yield from parsed_rows(text_lines(stream))
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise DataError(f"{str(path)!r} is no readable gzip file ({error}); pack it again or drop the .gz from its name") from error


def parsed_rows(lines: Iterable[TextLine]) -> Iterator[RawRow]:
    """The row of each line; blank lines are passed over."""
    for line in lines:
        if line.problem is not None:
            yield RawRow(line.number, None, line.problem)
        elif line.text.strip():
            yield _row(line)


def write_rows(stream: BinaryIO, rows: Iterable[dict[str, object]], *, is_packed: bool) -> None:
    """Write one JSON object a line; gzip bytes do not depend on the clock."""
    if not is_packed:
        stream.writelines(_line(row) for row in rows)
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as packed:
        packed.writelines(_line(row) for row in rows)


def _line(row: dict[str, object]) -> bytes:
    return json.dumps(row, ensure_ascii=False, default=str).encode("utf-8") + b"\n"


def _is_deep(text: str) -> bool:
    """True for brackets within brackets beyond what any record has."""
    if text.count("{") + text.count("[") <= _MAX_DEPTH:
        return False
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "{[" else -1
        if depth > _MAX_DEPTH:
            return True
    return False


def _row(line: TextLine) -> RawRow:
    if _is_deep(line.text):
        return RawRow(line.number, None, f"nests objects more than {_MAX_DEPTH} deep; flatten the record")
    try:
        # NaN and Infinity are no JSON, but table tools write them for a missing value
        values = json.loads(line.text, parse_float=WrittenNumber, parse_constant=lambda _name: None)
    except json.JSONDecodeError as error:
        return RawRow(line.number, None, f"broken JSON ({error.msg} at column {error.colno}); mend the line")
    except (ValueError, RecursionError) as error:
        return RawRow(line.number, None, f"JSON beyond what can be read ({str(error)[:80]}); mend the line")
    if not isinstance(values, dict):
        return RawRow(line.number, None, f"must be a JSON object, got {type(values).__name__}; write one object a line")
    problem = many_columns(len(values))
    return RawRow(line.number, values if problem is None else None, problem)
