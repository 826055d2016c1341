"""What became of a table that was imported, whatever its rows hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from epm.errors import DataError
from epm.files.pairs import BadRow, OnBadRow
from epm.tables.mapping import FileLayout
from epm.tables.pair_rows import ListingCells
from epm.tables.source import header_names, place

_KEPT_BAD_ROWS = 1000
_SHOWN_NAMES = 30


@dataclass(slots=True)
class TableReport:
    """What was left out or kept as written: skipped rows, exact repeats, damaged codes, prices in words, columns that no field takes."""

    n_skipped: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)
    n_repeats: int = 0
    codes_restored: Counter[str] = field(default_factory=Counter)
    codes_dropped: Counter[str] = field(default_factory=Counter)
    n_worded_prices: int = 0
    unused_columns: tuple[str, ...] = ()

    def shared_json(self) -> dict[str, object]:
        """The counts that every import has, as JSON values; ``bad_rows`` holds at most the first thousand."""
        return {
            "n_skipped": self.n_skipped,
            "bad_rows": [{"line": bad.line, "reason": bad.reason} for bad in self.bad_rows],
            "n_repeats": self.n_repeats,
            "codes_restored": dict(self.codes_restored),
            "codes_dropped": dict(self.codes_dropped),
            "n_worded_prices": self.n_worded_prices,
            "unused_columns": list(self.unused_columns),
        }

    def refuse(self, where: tuple[Path, FileLayout, int], reason: str, on_bad_row: OnBadRow) -> None:
        """Count a bad row; raises ``DataError`` under ``stop``."""
        if on_bad_row == "stop":
            raise DataError(f"{place(*where)}, {reason} (or skip bad rows: --on-bad-row skip)")
        self.n_skipped += 1
        if len(self.bad_rows) < _KEPT_BAD_ROWS:
            self.bad_rows.append(BadRow(where[2], reason))

    def count_cells(self, reader: ListingCells) -> None:
        """Add the codes that a reader restored or dropped, and the prices that it kept as written."""
        self.codes_restored.update({damage.value: n for damage, n in reader.codes.restored.items()})
        self.codes_dropped.update({damage.value: n for damage, n in reader.codes.dropped.items()})
        self.n_worded_prices += reader.n_worded_prices

    def no_good_row(self, path: Path) -> DataError:
        """The error for a table of which nothing is left."""
        first = f"; the first is bad: {self.bad_rows[0].reason}" if self.bad_rows else ""
        return DataError(f"{str(path)!r} has no good row below its header{first}")


def unused_columns(path: Path, layout: FileLayout, wanted: Sequence[str]) -> tuple[str, ...]:
    """The columns of a file that nobody wants; raises ``DataError`` for a wanted one that it lacks."""
    names = header_names(path, layout)
    if names is None:
        return ()
    absent = next((column for column in wanted if column and column not in names), None)
    if absent is not None:
        shown = ", ".join(map(repr, names[:_SHOWN_NAMES]))
        raise DataError(f"{str(path)!r} has no column {absent!r}; present: {shown}; correct the mapping")
    return tuple(name for name in names if name not in wanted)
