"""JSON Lines and Parquet: records whose nested objects become columns named by their path, ``left.offer.price``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from epm.errors import DataError, EpmError
from epm.files import json_lines, parquet_table
from epm.files.raw import RawRow, require_distinct_columns, text_lines
from epm.tables.cells import flatten
from epm.tables.container import opened

_HALF_PAIR = re.compile("[\ud800-\udfff]")


class _ArrowField(Protocol):
    name: str
    type: object


def json_rows(path: Path) -> Iterator[RawRow]:
    """The records of a JSON Lines file, plain or gzip; blank lines are passed over."""
    with opened(path) as stream:
        yield from (_whole(_flat(row)) for row in json_lines.parsed_rows(text_lines(stream)))


def parquet_rows(path: Path) -> Iterator[RawRow]:
    """The records of a Parquet file, numbered from 1.

    Raises:
        DataError: no readable Parquet file, or one with a doubled column.
    """
    yield from map(_flat, parquet_table.read_rows(path, require=require_distinct_columns))


def parquet_names(path: Path) -> tuple[str, ...]:
    """The columns of a Parquet file, nested ones by their path; raises like :func:`parquet_rows`."""
    from pyarrow import parquet

    try:
        with path.open("rb") as stream, parquet.ParquetFile(stream) as table:
            return tuple(_leaves(table.schema_arrow, ""))
    except EpmError:
        raise
    except Exception as error:  # damage shows in whatever way the decoder meets it
        raise DataError(f"{str(path)!r} is no readable Parquet file ({str(error)[:160]}); write it again") from error


def _leaves(fields: Iterable[_ArrowField], prefix: str) -> Iterator[str]:
    for field in fields:
        if isinstance(field.type, Iterable) and hasattr(field.type, "get_field_index"):
            yield from _leaves(field.type, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}"


def _flat(row: RawRow) -> RawRow:
    return row if row.values is None else RawRow(row.line, dict(flatten(row.values)))


def _whole(row: RawRow) -> RawRow:
    """The row, or its refusal: an escape can bring half a surrogate pair into a text, which no file and no mapping could hold."""
    if row.values is None or not any(_HALF_PAIR.search(name) or _HALF_PAIR.search(str(cell)) for name, cell in row.values.items()):
        return row
    return RawRow(row.line, None, "holds half a surrogate pair, which is no text; remove it")
