"""The rationale dataset as a folder: the rationales, the items without one beside them, and a card.

    FOLDER/rationales.parquet   FOLDER/failed.parquet, where an item has none   FOLDER/README.md

The layout of a table comes from its row model and never from the rows: a column that is null throughout has the same type as
any other, so that datasets can be read together. The folder appears whole or not at all.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args
from uuid import uuid4

from pydantic import BaseModel

from epm.errors import DataError
from epm.files.atomic import write_bytes

if TYPE_CHECKING:
    import pyarrow as pa

RATIONALES, FAILED, CARD = "rationales.parquet", "failed.parquet", "README.md"
MARK = "<!-- rationale dataset by epm export -->"
"""Stands in the card: a folder that has it is ours to replace."""


def refuse_foreign_folder(folder: Path) -> None:
    """Nothing, when the dataset can be written there: no such folder, an empty one, or an earlier dataset and nothing else.

    Raises:
        DataError: it is a file, or holds anything else.
    """
    if folder.suffix in {".parquet", ".jsonl"}:
        raise DataError(f"{str(folder)!r} names a file: a rationale dataset is a folder with a card, e.g. -o {folder.stem}")
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{str(folder)!r} is a file: choose another name, for a folder")
    present = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    foreign = [name for name in present if name not in {RATIONALES, FAILED, CARD}]
    card = folder / CARD
    if foreign or (present and (not card.is_file() or MARK not in card.read_text(encoding="utf-8", errors="replace"))):
        msg = (
            f"{str(folder)!r} holds {(foreign or present)[0]!r}, which is of no rationale dataset and would be lost: choose another folder"
        )
        raise DataError(msg)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder hold these files and nothing else, in one step; one that stood there is replaced.

    Raises:
        DataError: it cannot be written; an older folder of that name is untouched.
    """
    target = folder.resolve()
    partial = target.with_name(f".{target.name}.{uuid4().hex[:8]}.partial")
    try:
        for name, content in files.items():
            write_bytes(partial / name, content)
        _swap(partial, target)
    except OSError as error:
        raise DataError(f"cannot write {str(folder)!r}: {error}; choose a writable place with room") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def table_bytes(rows: Sequence[BaseModel], model: type[BaseModel]) -> bytes:
    """The rows of one model as Parquet; the same rows give the same bytes."""
    import pyarrow as pa
    from pyarrow import parquet

    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist([row.model_dump(mode="json") for row in rows], schema=arrow_schema(model)), sink)
    return sink.getvalue()


def arrow_schema(model: type[BaseModel]) -> pa.Schema:
    """The columns of a row model, in order; enumerations are text, tuples lists."""
    import pyarrow as pa

    return pa.schema([(name, _arrow_type(field.annotation)) for name, field in model.model_fields.items()])


def _swap(partial: Path, target: Path) -> None:
    old = partial.with_suffix(".old")
    if target.exists():
        target.rename(old)
    try:
        partial.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _arrow_type(annotation: object) -> pa.DataType:
    import pyarrow as pa

    kinds = _kinds(annotation)
    if tuple in kinds:
        return pa.list_(pa.string())
    simple = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    return next((arrow for kind, arrow in simple.items() if kind in kinds), pa.string())


def _kinds(annotation: object) -> set[object]:
    """The plain types that an annotation is made of: ``str | None`` has ``str``, ``tuple[str, ...]`` has ``tuple``."""
    origin = getattr(annotation, "__origin__", None)
    if origin is tuple:
        return {tuple}
    inner = get_args(annotation)
    return set().union(*(_kinds(part) for part in inner)) if inner else {annotation}
