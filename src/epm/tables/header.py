"""The header of a grid: where it stands below title rows, whether two rows are merged into it, and what its columns are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count

from epm.tables.cells import GridRow, PlainNumber
from epm.tables.columns import GROUP_JOINT, is_usual_name

_SEARCHED_ROWS = 30
_MAX_NAME_CHARS = 80
_MIN_SHARE = 0.5
"""Of the columns that rows usually fill: title rows above a header fill one or two."""
_FULL_SHARE = 0.8
_MIN_USUAL = 2
_NUMBER = re.compile(r"[-+]?[\d.,' ]*\d[\d.,' ]*[%€$£]?")


def find_header(rows: Sequence[GridRow]) -> tuple[int, ...]:
    """The line of the header, or of the two rows of a merged one; empty if no row of the sample looks like a header."""
    rows = [row for row in rows if row.problem is None and row.n_filled]
    if not rows:
        return ()
    at = _best(rows)
    if at is None:
        return ()
    row = rows[at]
    above = rows[at - 1] if at else None
    below = rows[at + 1] if at + 1 < len(rows) else None
    if below is not None and _completes(row, below):
        return (row.line, below.line)
    if above is not None and above.n_filled > 1 and _completes(above, row):
        return (above.line, row.line)
    return (row.line,)


def _best(rows: Sequence[GridRow]) -> int | None:
    """The row that holds most usual column names; without any, the first that names about as many columns as rows fill."""
    filled = sorted(row.n_filled for row in rows)
    usual = filled[len(filled) // 2]
    named = [i for i, row in enumerate(rows[:_SEARCHED_ROWS]) if row.n_filled >= max(2, usual * _MIN_SHARE) and _is_named(row)]
    n_usual = {i: sum(is_usual_name(cell) for cell in rows[i].cells if cell.strip()) for i in named}
    best = max(named, key=lambda i: n_usual[i], default=None)
    if best is not None and n_usual[best] >= _MIN_USUAL:
        return best
    return next((i for i in named if rows[i].n_filled >= usual * _FULL_SHARE), next(iter(named), None))


def column_names(rows: Sequence[GridRow]) -> tuple[str, ...]:
    """One name for each column: the two rows of a merged header joined, doubled names numbered, blanks called by their place."""
    names = [_clean(cell) for cell in rows[-1].cells]
    if len(rows) > 1:
        names = _joined([_clean(cell) for cell in rows[0].cells], names)
    while names and not names[-1]:
        names.pop()
    names = [name or f"column {i}" for i, name in enumerate(names, start=1)]
    numbered: dict[str, None] = {}
    # each name goes on counting where it stopped: counted from 2 again, 50,000 blank-alike names cost hours
    counters: dict[str, Iterator[int]] = {}
    for name in names:
        free = (spelled for i in counters.setdefault(name, count(2)) if (spelled := f"{name} #{i}") not in numbered)
        numbered[next(free) if name in numbered else name] = None
    return tuple(numbered)


def _is_named(row: GridRow) -> bool:
    cells = [cell.strip() for cell in row.cells if cell.strip()]
    n_names = sum(len(cell) <= _MAX_NAME_CHARS and not isinstance(cell, PlainNumber) and not _NUMBER.fullmatch(cell) for cell in cells)
    return n_names >= len(cells) * 0.8


def _completes(group: GridRow, names: GridRow) -> bool:
    """True if the lower row repeats names that only the upper one tells apart, as under merged cells ``Left`` and ``Right``."""
    lower = [_clean(cell) for cell in names.cells]
    if not _is_named(names) or (all(cell.strip() for cell in group.cells[: len(lower)]) and len(group.cells) >= len(lower)):
        return False
    doubled = {name for name, count in Counter(filter(None, lower)).items() if count > 1}
    joined = _joined([_clean(cell) for cell in group.cells], lower)
    told = [joined[i] for i, name in enumerate(lower) if name in doubled]
    return bool(doubled) and len(set(told)) == len(told)


def _joined(groups: list[str], names: list[str]) -> list[str]:
    width = max(len(groups), len(names))
    groups, names = groups + [""] * (width - len(groups)), names + [""] * (width - len(names))
    current, joined = "", []
    for group, name in zip(groups, names, strict=True):
        # a name below nothing belongs to the merged cell to its left; a group without a name below is merged downwards
        current = group or current
        joined.append(f"{current}{GROUP_JOINT}{name}" if current and name else group or name)
    return joined


def _clean(cell: str) -> str:
    return " ".join(cell.split()).strip("\ufeff")
