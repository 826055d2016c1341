"""JSON Lines and Parquet: records whose nested objects become columns named by their path, ``left.offer.price``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from epm.errors import DataError
from epm.files.raw import RawRow, text_lines
from epm.files.rows import WrittenNumber
from epm.tables.cells import flatten
from epm.tables.container import opened

_BATCH_ROWS = 1024


class _ArrowField(Protocol):
    name: str
    type: object


def json_rows(path: Path) -> Iterator[RawRow]:
    """The records of a JSON Lines file, plain or gzip; blank lines are passed over."""
    with opened(path) as stream:
        for line in text_lines(stream):
            if line.problem is not None:
                yield RawRow(line.number, None, line.problem)
            elif line.text.strip():
                yield _json_row(line.number, line.text)


def parquet_rows(path: Path) -> Iterator[RawRow]:
    """The records of a Parquet file, numbered from 1.

    Raises:
        DataError: no readable Parquet file.
    """
    import pyarrow as pa
    from pyarrow import parquet

    number = 0
    try:
        with path.open("rb") as stream, parquet.ParquetFile(stream) as table:
            for batch in table.iter_batches(batch_size=_BATCH_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    yield RawRow(number, dict(flatten(values)))
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0][:160]
        raise DataError(f"{str(path)!r} is no readable Parquet file after row {number} ({reason}); write it again") from error


def parquet_names(path: Path) -> tuple[str, ...]:
    """The columns of a Parquet file, nested ones by their path; raises like :func:`parquet_rows`."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with path.open("rb") as stream, parquet.ParquetFile(stream) as table:
            return tuple(_leaves(table.schema_arrow, ""))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{str(path)!r} is no readable Parquet file ({str(error)[:160]}); write it again") from error


def _leaves(fields: Iterable[_ArrowField], prefix: str) -> Iterator[str]:
    for field in fields:
        if isinstance(field.type, Iterable) and hasattr(field.type, "get_field_index"):
            yield from _leaves(field.type, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}"


def _json_row(number: int, text: str) -> RawRow:
    try:
        # NaN and Infinity are no JSON, but table tools write them for a missing value
        values = json.loads(text, parse_float=WrittenNumber, parse_constant=lambda _name: None)
    except (ValueError, RecursionError) as error:
        return RawRow(number, None, f"is broken JSON ({str(error)[:80]}); mend the line")
    if not isinstance(values, dict):
        return RawRow(number, None, f"must be a JSON object, got {type(values).__name__}; write one object a line")
    return RawRow(number, dict(flatten(values)))
