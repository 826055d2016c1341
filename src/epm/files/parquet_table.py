"""Pairs as Parquet: flat columns as in CSV, or ``left`` and ``right`` structs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from epm.errors import DataError
from epm.files.raw import ColumnCheck, RawRow, require_pair_columns

_BATCH_ROWS = 1024


def read_rows(path: Path, *, require: ColumnCheck = require_pair_columns) -> Iterator[RawRow]:
    """The rows in file order; ``line`` counts them from 1.

    Raises:
        DataError: no readable Parquet file, or one whose columns ``require`` refuses.
    """
    import pyarrow as pa
    from pyarrow import parquet

    number = 0
    with path.open("rb") as stream:  # outside the try: a file that is absent is no damaged one
        try:
            with parquet.ParquetFile(stream) as table:
                require(path, list(table.schema_arrow.names))
                for batch in table.iter_batches(batch_size=_BATCH_ROWS):
                    for values in batch.to_pylist():
                        number += 1
                        yield RawRow(number, values)
        except (pa.ArrowException, OSError, ValueError) as error:
            reason = str(error).partition("\n")[0][:160]
            raise DataError(f"{str(path)!r} is no readable Parquet file after row {number} ({reason}); write it again") from error


def write_rows(stream: BinaryIO, rows: Iterable[dict[str, object]], columns: Sequence[str]) -> None:
    """Write flat rows; every column is text but ``factor``, a whole number."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(name, pa.int64() if name == "factor" else pa.string()) for name in columns])
    pending = iter(rows)
    with parquet.ParquetWriter(stream, schema) as writer:
        while batch := list(islice(pending, _BATCH_ROWS)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
