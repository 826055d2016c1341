"""The queue as a CSV file for a spreadsheet: one row an item, and three empty columns to be filled, ``label``, ``relation`` and ``note``.

It begins with a byte order mark, without which Excel reads UTF-8 wrongly. It is read back whatever delimiter and encoding a
spreadsheet saved it with, as .xlsx too.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from epm.errors import DataError
from epm.files.atomic import write_bytes
from epm.files.raw import RawRow
from epm.review.cells import plain_cell, safe_cell, written_out
from epm.review.task import GivenAnswer, ReviewTask
from epm.tables.source import guess_layout, header_names, named_rows

_KEYS = ("run", "item", "rater")
_ASKED = ("label", "relation", "note")


def write_sheet(path: Path, tasks: Sequence[ReviewTask]) -> None:
    """Write the tasks.

    Raises:
        DataError: the file cannot be written.
    """
    rows = [_row(task) for task in tasks]
    texts = sorted({name for row in rows for name in row} - {*_KEYS, *_ASKED}, key=_side_by_side)
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, [*_KEYS, *texts, *_ASKED], restval="", quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow({name: safe_cell(written_out(name)) for name in writer.fieldnames})
    writer.writerows({name: safe_cell(written_out(text)) for name, text in row.items()} for row in rows)
    write_bytes(path, buffer.getvalue().encode("utf-8-sig"))


def read_sheet(path: Path) -> Iterator[GivenAnswer]:
    """The rows of a filled sheet.

    Raises:
        DataError: it is no table, or lacks one of the columns that were exported.
    """
    layout = guess_layout(path).layout
    present = header_names(path, layout) or ()
    missing = [name for name in (*_KEYS, *_ASKED) if name not in present]
    if missing:
        raise DataError(f"{str(path)!r} has no column {missing[0]!r}: import a sheet that 'epm review export' wrote, with its columns")
    for row in named_rows(path, layout):
        yield _given(row)


def _row(task: ReviewTask) -> dict[str, str]:
    given = task.given
    row = {
        "run": task.run_id, "item": task.item_id, "rater": task.rater, "label": "" if given is None else given.answer.value,
        "relation": "" if given is None or given.relation is None else given.relation.value,
        "note": "" if given is None or given.note is None else given.note,
    }  # fmt: skip
    for side in ("left", "right"):
        texts = task.view[side]
        assert isinstance(texts, Mapping)  # noqa: S101  # as shown() makes it
        row.update({f"{side}.{name}": str(text) for name, text in texts.items()})
    if "teacher" in task.view:
        row["teacher"] = json.dumps(task.view["teacher"])
    return row


def _side_by_side(column: str) -> tuple[bool, bool, str, str]:
    side, _, name = column.partition(".")
    return name == "", name != "title", name, side


def _given(row: RawRow) -> GivenAnswer:
    place = f"line {row.line}"
    if row.values is None:
        return GivenAnswer(place, "", "", "", "", "", "", row.problem)
    texts = {
        name: plain_cell(str(row.values.get(name) or "")) for name in (*_KEYS, *_ASKED)
    }  # .xlsx leaves out what is empty at a row's end
    return GivenAnswer(place, texts["run"], texts["item"], texts["rater"], texts["label"], texts["relation"], texts["note"])
