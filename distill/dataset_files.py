"""Training views as files: JSON Lines or Parquet, written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from epm.distill.dataset import SftRow
from epm.errors import DataError
from epm.files.atomic import write_bytes, write_text

SUFFIXES = (".jsonl", ".parquet")


def write_rows(path: Path, rows: Sequence[BaseModel], *, is_nested: bool = False) -> str:
    """Write the rows in the format of the suffix; the SHA-256 (hex) of the JSON Lines form, equal in both formats.

    Nested values are JSON text in Parquet, or lists and structs with ``is_nested``, for readers that want conversations.

    Raises:
        DataError: the suffix is neither ``.jsonl`` nor ``.parquet``, or the file cannot be written.
    """
    if path.suffix not in SUFFIXES:
        msg = f"cannot write {str(path)!r}: the name must end in one of {', '.join(SUFFIXES)}"
        raise DataError(msg)
    text = "".join(f"{row.model_dump_json()}\n" for row in rows)
    if path.suffix == ".jsonl":
        write_text(path, text)
    else:
        write_bytes(path, _parquet(rows, is_nested=is_nested))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_sft_rows(path: Path) -> list[SftRow]:
    """The rows of an SFT file.

    Raises:
        DataError: the file is absent, empty, of another format, or a row is wrong; names the line and the column.
    """
    try:
        lines = _parquet_lines(path) if path.suffix == ".parquet" else path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        msg = f"cannot read SFT rows from {str(path)!r}: {reason}; make the file with 'epm export RUN --format sft -o FILE'"
        raise DataError(msg) from error
    rows = [_row(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        msg = f"{str(path)!r} holds no SFT row: export a run with rationales by 'epm export RUN --format sft -o FILE'"
        raise DataError(msg)
    return rows


def rows_sha(rows: Sequence[BaseModel]) -> str:
    """The SHA-256 (hex) of the rows in JSON Lines form."""
    return hashlib.sha256("".join(f"{row.model_dump_json()}\n" for row in rows).encode("utf-8", "surrogatepass")).hexdigest()


def _row(path: Path, number: int, line: str) -> SftRow:
    try:
        return SftRow.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        column = ".".join(str(part) for part in first["loc"]) or "row"
        msg = f"{str(path)!r} line {number}: {column}: {first['msg']}; an SFT row has the columns {', '.join(SftRow.model_fields)}"
        raise DataError(msg) from error


def _parquet(rows: Sequence[BaseModel], *, is_nested: bool) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    flat = [
        {
            name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) and not is_nested else value
            for name, value in dumped.items()
        }
        for dumped in (row.model_dump(mode="json") for row in rows)
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(flat), sink, write_page_checksum=True)
    return sink.getvalue()


def _parquet_lines(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    return [json.dumps(row, ensure_ascii=False) for row in pq.read_table(path, page_checksum_verification=True).to_pylist()]
