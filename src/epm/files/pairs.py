"""Pair files: read into Pairs with every bad row named, and written so that reading gives the same Pairs.

The format follows from the name: ``.jsonl``, ``.jsonl.gz``, ``.csv``, ``.parquet``. A row holds two listings, nested or
flat (see ``epm.files.rows``), and may hold ``pair_id``, ``label`` or ``gold_label``, ``relation``, ``factor``, ``split``.

    file = read_pairs("pairs.csv", on_bad_row="skip")
    file.pairs, file.n_skipped, file.bad_rows, file.extra_columns
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from epm.errors import ConfigError, DataError
from epm.files import csv_table, json_lines, parquet_table
from epm.files.listings import as_texts, flat_listing, nested_listing
from epm.files.raw import RawRow
from epm.files.rows import LISTING_FIELDS, PAIR_FIELDS, SIDES, RowError, parse_row
from epm.files.table_file import write_rows
from epm.pair import Pair

OnBadRow = Literal["stop", "skip"]

_READERS: dict[str, Callable[[Path], Iterator[RawRow]]] = {
    ".jsonl": json_lines.read_rows,
    ".jsonl.gz": json_lines.read_rows,
    ".csv": csv_table.read_rows,
    ".parquet": parquet_table.read_rows,
}
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was skipped: the line it starts on (its number in Parquet) and what is wrong with it."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class PairFile:
    """What was read: the good rows as Pairs, the file's SHA-256 (hex), the bad rows, and the columns kept in extras."""

    pairs: tuple[Pair, ...]
    sha256: str
    n_skipped: int
    bad_rows: tuple[BadRow, ...]
    extra_columns: tuple[str, ...]


def read_pairs(path: Path | str, *, on_bad_row: OnBadRow = "stop", limit: int | None = None) -> PairFile:
    """The pairs of a file, at most the first ``limit`` of them.

    Args:
        path: a ``.jsonl``, ``.jsonl.gz``, ``.csv`` or ``.parquet`` file.
        on_bad_row: ``stop`` at the first bad row, or ``skip`` bad rows and count them.
        limit: how many good rows to read; what lies beyond them is not looked at.

    Raises:
        DataError: the file is absent, empty, of another format or damaged, or a row is bad under ``stop``.
        ConfigError: an ``on_bad_row`` or ``limit`` that is not allowed.
    """
    if on_bad_row not in {"stop", "skip"}:
        raise ConfigError(f"on_bad_row {on_bad_row!r} is not allowed: use 'stop' or 'skip'")
    if limit is not None and limit < 1:
        raise ConfigError(f"limit {limit} is not allowed: use a number from 1, or none for the whole file")
    source = Path(path)
    rows = _READERS[_format(source)](source)
    sha256 = _sha256(source)
    with _without_garbage_search():
        return _collect(source, rows, sha256=sha256, on_bad_row=on_bad_row, limit=limit)


def write_pairs(path: Path | str, pairs: Iterable[Pair]) -> None:
    """Write pairs in the format of the name, in one step; extras that are no text become JSON text outside JSON Lines.

    Raises:
        DataError: the name has another ending, the place cannot be written, or a pair is no text.
    """
    kept = tuple(pairs)
    write_pair_stream(path, kept, pair_columns(name for pair in kept for name in _flat(pair)))


def write_pair_stream(path: Path | str, pairs: Iterable[Pair], columns: Sequence[str]) -> None:
    """Write pairs as they come, without holding them; a table's ``columns`` must be known and cover every pair.

    Raises:
        DataError: like :func:`write_pairs`; an error of ``pairs`` itself leaves an older file untouched.
    """
    ending = _format(Path(path))
    write_rows(Path(path), ending, map(nested_row if ending.startswith(".jsonl") else _flat, pairs), columns)


def pair_columns(found: Iterable[str]) -> list[str]:
    """The columns of a table of pairs: known ones in their usual order, then the others by name; both titles always."""
    usual = [*PAIR_FIELDS, *(f"{side}_{name}" for side in SIDES for name in LISTING_FIELDS)]
    names = set(found) | {f"{side}_title" for side in SIDES}
    return [name for name in usual if name in names] + sorted(names.difference(usual))


def place(path: Path, line: int) -> str:
    """Where a bad row stands, for messages: ``'pairs.csv', line 7``; Parquet has rows instead of lines."""
    return f"{str(path)!r}, {'row' if _format(path) == '.parquet' else 'line'} {line}"


def _format(path: Path) -> str:
    name = path.name.lower()
    ending = next((ending for ending in _READERS if name.endswith(ending)), None)
    if ending is None:
        raise DataError(f"{str(path)!r} is no pair file: its name must end in one of {', '.join(_READERS)}")
    return ending


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}; give the path of a readable file") from error
    return digest.hexdigest()


@contextmanager
def _without_garbage_search() -> Iterator[None]:
    """Hundreds of thousands of objects that all stay: searching them for garbage as they come takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _collect(path: Path, rows: Iterator[RawRow], *, sha256: str, on_bad_row: OnBadRow, limit: int | None) -> PairFile:
    pairs: list[Pair] = []
    bad_rows: list[BadRow] = []
    extra_columns: dict[str, None] = {}
    line_of_id: dict[str, int] = {}
    for row in rows:
        try:
            pairs.append(_accept(row, line_of_id, extra_columns))
        except RowError as error:
            if on_bad_row == "stop":
                raise DataError(f"{place(path, row.line)}: {error} (or skip bad rows: --on-bad-row skip)") from error
            bad_rows.append(BadRow(row.line, str(error)))
        if len(pairs) == limit:
            break
    if not pairs and not bad_rows:
        raise DataError(f"{str(path)!r} is empty: it must hold at least one pair")
    if not pairs:
        raise DataError(
            f"{str(path)!r} has no good row among {len(bad_rows)}; the first is bad: {place(path, bad_rows[0].line)}: {bad_rows[0].reason}"
        )
    return PairFile(tuple(pairs), sha256, len(bad_rows), tuple(bad_rows), tuple(extra_columns))


def _accept(row: RawRow, line_of_id: dict[str, int], extra_columns: dict[str, None]) -> Pair:
    if row.values is None:
        raise RowError(row.problem)
    parsed = parse_row(row.values)
    pair = parsed.pair
    earlier = line_of_id.setdefault(pair.id, row.line)
    if earlier != row.line:
        what = f"pair_id {pair.id!r}" if parsed.has_own_id else "the same two listings without a pair_id"
        raise RowError(f"repeats {what} of line {earlier}; ids must be unique: change or remove one of the two rows")
    extra_columns.update(dict.fromkeys(parsed.extra_columns))
    return pair


def nested_row(pair: Pair) -> dict[str, object]:
    """The pair as one JSON object of a pair file."""
    return {**pair.extras, **_pair_fields(pair), **{side: nested_listing(getattr(pair, side)) for side in SIDES}}


def _flat(pair: Pair) -> dict[str, object]:
    row: dict[str, object] = {**as_texts(pair.extras), **_pair_fields(pair)}
    for side in SIDES:
        row.update({f"{side}_{name}": value for name, value in flat_listing(getattr(pair, side)).items()})
    return row


def _pair_fields(pair: Pair) -> dict[str, object]:
    fields = {
        "pair_id": pair.id,
        "gold_label": pair.gold_label and pair.gold_label.value,
        "relation": pair.relation and pair.relation.value,
        "factor": pair.factor,
        "split": pair.split,
    }
    return {name: value for name, value in fields.items() if value is not None}
