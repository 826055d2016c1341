"""A first look at someone's table: what it seems to be, what is in it, what is wrong with it, and a mapping to start from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import asdict, dataclass
from os.path import relpath
from pathlib import Path

from epm.errors import DataError
from epm.files.pairs import nested_row
from epm.files.raw import RawRow
from epm.files.rows import SIDES, RowError
from epm.pair import Pair
from epm.tables.columns import SideColumns, guess_listing_columns, guess_pair_columns
from epm.tables.label_words import known_label
from epm.tables.mapping import DecimalStyle, FileLayout, LabelWord, Mapping, PairColumns, SideMapping
from epm.tables.pair_rows import CODE_FIELDS, AbsentListingError, ListingCells, ListingTable, RowPairs, listing_table
from epm.tables.prices import guess_decimal
from epm.tables.repeats import Repeats
from epm.tables.source import guess_layout, header_names, named_rows
from epm.tables.spreadsheet import Damage, restore_code

SAMPLE_ROWS = 10_000
_SAMPLE_CHARS = 16 << 20
_N_SHOWN = 3
_MAX_LABEL_WORDS = 12


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a table; ``is_whole`` if there are no more."""

    path: Path
    layout: FileLayout
    names: tuple[str, ...]
    rows: tuple[RawRow, ...]
    is_whole: bool
    found: tuple[str, ...]
    doubts: tuple[str, ...]

    def cells(self, column: str) -> Iterator[tuple[int, str]]:
        """The filled cells of a column with their lines."""
        missing = {word.casefold() for word in self.layout.missing}
        for row in self.rows:
            value = row.values.get(column) if row.values else None
            if isinstance(value, str) and value.strip() and value.strip().casefold() not in missing:
                yield row.line, value


@dataclass(frozen=True, slots=True)
class ColumnFill:
    """How many of the ``n`` sampled rows fill a column, where the mapping puts it (empty for nowhere), and its first cell."""

    file: str
    column: str
    place: str
    n_filled: int
    n: int
    example: str


@dataclass(frozen=True, slots=True)
class DamagedColumn:
    """Codes of one column that a spreadsheet damaged in one way, with the first cells as (line, value)."""

    file: str
    column: str
    damage: Damage
    is_restored: bool
    n: int
    first: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at the sample found; figures are of the sample, which is the whole table if ``is_whole``."""

    sample: Sample
    tables: tuple[Sample, ...]
    mapping: Mapping
    unmapped: tuple[str, ...]
    doubts: tuple[str, ...]
    fills: tuple[ColumnFill, ...]
    labels: tuple[tuple[str, int, LabelWord | None], ...]
    damaged: tuple[DamagedColumn, ...]
    pairs: tuple[Pair, ...]
    n_repeats: int
    n_bad: int
    first_bad: tuple[tuple[int, str], ...]

    def to_json(self) -> dict[str, object]:
        """The findings as JSON values; the mapping under ``mapping``."""
        return {
            "path": str(self.sample.path),
            "n_rows": len(self.sample.rows),
            "is_whole": self.sample.is_whole,
            "found": list(self.sample.found),
            "doubts": list(self.doubts),
            "columns": [asdict(fill) for fill in self.fills],
            "labels": [{"word": word, "n": n, "label": label} for word, n, label in self.labels],
            "damaged": [asdict(found) for found in self.damaged],
            "pairs": [nested_row(pair) for pair in self.pairs],
            "n_repeats": self.n_repeats,
            "n_bad": self.n_bad,
            "first_bad": [{"line": line, "reason": reason} for line, reason in self.first_bad],
            "mapping": self.mapping.model_dump(),
        }

    @property
    def open_labels(self) -> dict[str, int]:
        """Label words whose meaning people have to say, with their count."""
        return {word: count for word, count, label in self.labels if label is None}


def inspect_table(path: Path, *, base: Path, left: Path | None = None, right: Path | None = None, sheet: str = "") -> Inspection:
    """What a table seems to hold, by its first ten thousand rows.

    Args:
        path: a table of pairs.
        base: the folder in which the mapping will stand; paths of listing tables count from it.
        left: the table of the left listings, if the pairs hold ids alone.
        right: the table of the right listings; it may be the same one.
        sheet: the sheet of a workbook; its first one if empty.

    Raises:
        DataError: a file cannot be read as a table; says what it is instead.
    """
    sample = read_sample(path, sheet=sheet)
    guess = guess_pair_columns(sample.names)
    tables = {name: read_sample(table) for name, table in (("left", left), ("right", right)) if table is not None}
    sides = {name: _side(getattr(guess, name), sample, tables.get(name), base) for name in SIDES}
    words = Counter(cell.strip() for _, cell in sample.cells(guess.pair.get("label", "")))
    labels = tuple((word, count, known_label(word)) for word, count in words.most_common(_MAX_LABEL_WORDS))
    mapping = Mapping(
        file=sample.layout, pair=PairColumns(**guess.pair), left=sides["left"], right=sides["right"],
        labels={word: label for word, _, label in labels if label is not None},
    )  # fmt: skip
    samples = [(sample, "", mapping)] + [(table, name, mapping) for name, table in tables.items()]
    pairs, n_repeats, bad = _pairs(sample, tables, mapping)
    return Inspection(
        sample=sample, tables=tuple(tables.values()), mapping=mapping, unmapped=guess.unmapped,
        doubts=(*_doubts(sample, mapping, words), *_decimal_doubts(sample, tables, mapping)),
        fills=tuple(fill for one, name, _ in samples for fill in _fills(one, _places(mapping, name))),
        labels=labels, damaged=tuple(found for one, name, _ in samples for found in _damaged(one, _places(mapping, name))),
        pairs=tuple(pairs[:_N_SHOWN]), n_repeats=n_repeats, n_bad=len(bad), first_bad=tuple(bad[:_N_SHOWN]),
    )  # fmt: skip


def read_sample(path: Path, *, sheet: str = "") -> Sample:
    """The first rows of a table with its guessed layout; raises like :func:`inspect_table`."""
    guess = guess_layout(path, sheet=sheet)
    rows: list[RawRow] = []
    n_chars = 0
    is_whole = True
    for row in named_rows(path, guess.layout):
        if len(rows) == SAMPLE_ROWS or n_chars > _SAMPLE_CHARS:
            is_whole = False
            break
        rows.append(row)
        n_chars += sum(len(str(value)) for value in (row.values or {}).values())
    names = header_names(path, guess.layout)
    if names is None and rows and all(row.values is None for row in rows):
        raise DataError(f"{str(path)!r} has no readable row; line {rows[0].line}: {rows[0].problem}")
    if names is None:
        names = tuple(dict.fromkeys(name for row in rows for name in row.values or {}))
    return Sample(path, guess.layout, names, tuple(rows), is_whole, guess.found, guess.doubts)


def _side(columns: SideColumns, sample: Sample, table: Sample | None, base: Path) -> SideMapping:
    if table is None:
        return SideMapping(columns=columns.columns, attributes=columns.attributes, decimal=_decimal(sample, columns))
    own = guess_listing_columns(table.names)
    key = columns.columns.get("id") or next(iter([*columns.attributes.values(), *columns.columns.values()]), "")
    return SideMapping(
        table=Path(relpath(table.path, base)).as_posix(), key=key or "id", file=table.layout, decimal=_decimal(table, own),
        columns=own.columns, attributes=own.attributes,
    )  # fmt: skip


def _decimal(sample: Sample, columns: SideColumns) -> DecimalStyle:
    guess = guess_decimal(cell for _, cell in sample.cells(columns.columns.get("price", "")))
    return "mixed" if guess.is_sure and guess.n_against else guess.mark


def _places(mapping: Mapping, table: str) -> dict[str, str]:
    """Column → its place in the mapping, for the table of pairs (named ``""``) or the listing table of a side."""
    places: dict[str, str] = {}
    if not table:
        places |= {column: name for name, column in mapping.pair.model_dump().items() if column}
    for name in SIDES:
        side: SideMapping = getattr(mapping, name)
        if side.table and not table:
            places[side.key] = f"{name}.key"
        elif table == (name if side.table else ""):
            places |= {column: f"{name}.attributes.{attribute}" for attribute, column in side.attributes.items()}
            places |= {column: f"{name}.{known}" for known, column in side.columns.items()}
    return places


def _fills(sample: Sample, places: Map[str, str]) -> Iterator[ColumnFill]:
    for name in sample.names:
        cells = [cell for _, cell in sample.cells(name)]
        yield ColumnFill(sample.path.name, name, places.get(name, ""), len(cells), len(sample.rows), cells[0] if cells else "")


def _damaged(sample: Sample, places: Map[str, str]) -> Iterator[DamagedColumn]:
    for name, at in places.items():
        known = at.rpartition(".")[2]
        if (known not in CODE_FIELDS and known != "key") or ".attributes." in at:
            continue
        found: dict[tuple[Damage, bool], list[tuple[int, str]]] = {}
        for line, cell in sample.cells(name):
            code = restore_code(cell, is_gtin=known == "gtin")
            if code.damage is not None:
                found.setdefault((code.damage, code.text is not None), []).append((line, cell))
        for (damage, is_restored), cells in found.items():
            yield DamagedColumn(sample.path.name, name, damage, is_restored, len(cells), tuple(cells[:_N_SHOWN]))


def _pairs(sample: Sample, tables: Map[str, Sample], mapping: Mapping) -> tuple[list[Pair], int, list[tuple[int, str]]]:
    """The first pairs, the number of exact repeats, and the rows that the import would refuse."""
    if not all(getattr(mapping, name).columns.get("title") for name in SIDES):
        return [], 0, []
    mapping = mapping.model_copy(update={"damaged_identifiers": "drop"})  # damaged codes are counted apart
    loaded: dict[str, ListingTable] = {}
    bad: list[tuple[int, str]] = []
    for name, table in tables.items():
        side: SideMapping = getattr(mapping, name)
        if not side.columns.get("id"):
            return [], 0, []
        loaded[name], refused = listing_table(iter(table.rows), ListingCells(side, table.layout, "drop"), side.columns["id"])
        bad += [(line, f"{table.path.name}: {reason}") for line, reason in refused]
    rows, repeats = RowPairs(mapping, dict.fromkeys(_open_words(sample, mapping), "none"), loaded), Repeats()
    are_whole = all(table.is_whole for table in tables.values())
    pairs: list[Pair] = []
    n_repeats = 0
    for row in sample.rows:
        try:
            pair = rows.pair(row)
            is_new = repeats.is_new(pair, row.line)
        except AbsentListingError as error:
            bad += [(row.line, str(error))] if are_whole else []
            continue
        except RowError as error:
            bad.append((row.line, str(error)))
            continue
        n_repeats += not is_new
        if is_new and len(pairs) < _N_SHOWN:
            pairs.append(pair)
    return pairs, n_repeats, bad


def _open_words(sample: Sample, mapping: Mapping) -> set[str]:
    """Label words that are listed as open already, and so are no fault of their rows."""
    return {cell.strip() for _, cell in sample.cells(mapping.pair.label) if known_label(cell) is None}


def _doubts(sample: Sample, mapping: Mapping, words: Counter[str]) -> Iterator[str]:
    yield from sample.doubts
    if not sample.rows:
        yield "the table has no row below its header"
    for name in SIDES:
        side: SideMapping = getattr(mapping, name)
        if not side.table and side.columns.keys() == {"id"}:
            yield f"of the {name} listing only the id is here; name the tables of the listings with --left and --right"
        elif not side.columns.get("title"):
            yield f"no column was recognised as the title of the {name} listing; fill in {name}.columns.title in the mapping"
    yield from _label_doubts(sample, mapping, words)
    if not mapping.left.columns and not mapping.right.columns:
        yield "no two sides were recognised; a table of listings goes to --left or --right, beside the table of pairs that names their ids"


def _label_doubts(sample: Sample, mapping: Mapping, words: Counter[str]) -> Iterator[str]:
    if not mapping.pair.label:
        yield "no column was recognised as the label; the pairs will have none unless pair.label is filled in"
    if len(words) == 1 and (n_blank := len(sample.rows) - words.total()):
        yield f'{n_blank} rows have no label; if a blank cell of {mapping.pair.label!r} means "no match", write "" = "no_match" under [labels]'
    if len(words) > _MAX_LABEL_WORDS:
        yield f"column {mapping.pair.label!r} holds {len(words)} different words, too many for labels; correct pair.label if it is another column"


def _decimal_doubts(sample: Sample, tables: Map[str, Sample], mapping: Mapping) -> Iterator[str]:
    for name in SIDES:
        side: SideMapping = getattr(mapping, name)
        column = side.columns.get("price", "")
        guess = guess_decimal(cell for _, cell in tables.get(name, sample).cells(column))
        if guess.n_against or not guess.is_sure:
            style = f"read as {side.decimal!r}"
            yield f"column {column!r} {style}: decimal mark {guess.mark!r} fits {guess.n_for} cells, the other {guess.n_against}; see {name}.decimal in the mapping"
