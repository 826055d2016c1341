"""Pairs as Parquet: flat columns as in CSV, or ``left`` and ``right`` structs."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol

from epm.errors import DataError, EpmError
from epm.files.bounds import current_bounds, unpacked_bound, unpacks_too_far
from epm.files.raw import ColumnCheck, RawRow, require_pair_columns

_BATCH_ROWS = 1024
_READ_ROWS = 128
"""Rows decoded at once: a text that a dictionary holds once and a million rows name becomes a copy in every row."""
_MAX_GROUP_BYTES = 1 << 29
"""Writers make row groups of 64 to 512 MB; a page of a group is decoded whole."""


_ARROW_SCHEMA = b"ARROW:schema"


class _RowGroup(Protocol):
    total_byte_size: int


class _Metadata(Protocol):
    num_row_groups: int
    metadata: dict[bytes, bytes] | None

    def row_group(self, i: int) -> _RowGroup: ...


class _Schema(Protocol):
    names: list[str]


class _ParquetFile(Protocol):
    metadata: _Metadata
    schema_arrow: _Schema


def read_rows(path: Path, *, require: ColumnCheck = require_pair_columns) -> Iterator[RawRow]:
    """The rows in file order; ``line`` counts them from 1.

    Raises:
        DataError: no readable Parquet file, or one whose columns ``require`` refuses.
    """
    from pyarrow import parquet

    number = 0
    with path.open("rb") as stream:  # outside the try: a file that is absent is no damaged one
        try:
            with parquet.ParquetFile(stream, page_checksum_verification=True) as table:
                refuse_swollen(path, table)
                refuse_changed_names(path, table)
                require(path, list(table.schema_arrow.names))
                for batch in table.iter_batches(batch_size=_READ_ROWS):
                    for values in batch.to_pylist():
                        number += 1
                        yield RawRow(number, values)
        except EpmError:
            raise
        except Exception as error:  # damage shows in whatever way the decoder meets it
            reason = str(error).partition("\n")[0][:160]
            raise DataError(f"{str(path)!r} is no readable Parquet file after row {number} ({reason}); write it again") from error


def refuse_swollen(path: Path, table: _ParquetFile) -> None:
    """Nothing, where the file says that it unpacks to what is read of one of its size.

    Raises:
        DataError: it unpacks to more, in all or in one row group.
    """
    metadata = table.metadata
    groups = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
    bound = unpacked_bound(path.stat().st_size)
    if sum(groups) > bound:
        raise unpacks_too_far(path, sum(groups), bound)
    asked = current_bounds().max_unpacked_bytes or _MAX_GROUP_BYTES
    if max(groups, default=0) > asked:
        raise unpacks_too_far(path, max(groups), asked)


def refuse_changed_names(path: Path, table: _ParquetFile) -> None:
    """Nothing, where the two places that name the columns agree: pages have checksums, names have none.

    Raises:
        DataError: a name was changed after the file was written, and its column would be taken for another.
    """
    import pyarrow as pa

    kept = (table.metadata.metadata or {}).get(_ARROW_SCHEMA)  # as Arrow writes it; other writers name the columns once
    if kept is None:
        return
    written, found = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(kept))).names, table.schema_arrow.names
    odd = next(((one, other) for one, other in zip(written, found, strict=False) if one != other), None)
    if odd is not None:
        raise DataError(f"{str(path)!r} is damaged: it names a column {odd[0]!r} in one place and {odd[1]!r} in another; write it again")


def write_rows(stream: BinaryIO, rows: Iterable[dict[str, object]], columns: Sequence[str]) -> None:
    """Write flat rows; every column is text but ``factor``, a whole number."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(name, pa.int64() if name == "factor" else pa.string()) for name in columns])
    pending = iter(rows)
    with parquet.ParquetWriter(stream, schema, write_page_checksum=True) as writer:
        while batch := list(islice(pending, _BATCH_ROWS)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
