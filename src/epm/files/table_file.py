"""Rows of any kind written to a file in the format of its name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from epm.errors import DataError
from epm.files import csv_table, json_lines, parquet_table
from epm.files.atomic import replacing


def write_rows(path: Path, ending: str, rows: Iterable[dict[str, object]], columns: Sequence[str]) -> None:
    """Write rows as they come, in one step; those of ``.jsonl`` and ``.jsonl.gz`` may be nested and need no columns.

    Raises:
        DataError: the place cannot be written or a value is no text; an error of ``rows`` leaves an older file untouched.
    """
    try:
        with replacing(path) as stream:
            if ending.startswith(".jsonl"):
                json_lines.write_rows(stream, rows, is_packed=ending == ".jsonl.gz")
                return
            table = csv_table if ending == ".csv" else parquet_table
            table.write_rows(stream, rows, columns)
    except UnicodeEncodeError as error:
        place = error.object[max(0, error.start - 20) : error.end]
        raise DataError(f"cannot write {str(path)!r}: {place!r} holds half a surrogate pair, which is no text; remove it") from error
