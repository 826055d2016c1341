"""Match results as a file: JSON Lines, CSV or Parquet, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile

from epm.errors import DataError
from epm.files import csv_table, json_lines
from epm.files.atomic import replacing
from epm.files.overwriting import refuse_overwriting
from epm.matching import ROW_FIELDS, MatchResult

SUFFIXES = (".jsonl", ".jsonl.gz", ".csv", ".parquet")


def check_output(path: Path, *, inputs: Iterable[Path | None]) -> None:
    """Refuse a place that cannot be written, whose format is unknown or that is an input, before any work is done.

    Raises:
        DataError: the name ends in none of ``SUFFIXES``, is that of an input, or no file can be made in its folder.
    """
    _check_suffix(path)
    refuse_overwriting(path, inputs)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise DataError(f"cannot write {str(path)!r}: {error.strerror or error}; choose a writable place") from error


def write_match_result(path: Path, result: MatchResult) -> None:
    """Write one row for each pair with the columns of ``ROW_FIELDS``.

    Raises:
        DataError: the name's format is unknown, or the file cannot be written.
    """
    _check_suffix(path)
    rows = result.to_rows()
    with replacing(path) as stream:
        if path.name.endswith(".csv"):
            csv_table.write_rows(stream, rows, ROW_FIELDS)
        elif path.name.endswith(".parquet"):
            import pyarrow as pa
            import pyarrow.parquet as pq

            kinds = {"probability": pa.float64(), "cost_usd": pa.float64(), "latency_s": pa.float64(), "factor": pa.int64()}
            schema = pa.schema([(name, kinds.get(name, pa.string())) for name in ROW_FIELDS])
            pq.write_table(pa.Table.from_pylist(rows, schema=schema), stream)
        else:
            json_lines.write_rows(stream, rows, is_packed=path.name.endswith(".gz"))


def _check_suffix(path: Path) -> None:
    if not path.name.endswith(SUFFIXES):
        raise DataError(f"cannot tell the format of {str(path)!r}: use a name that ends in {', '.join(SUFFIXES)}")
