"""A first look at someone's table: what it seems to be, what is in it, what is wrong with it, and a mapping to start from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path

from epm.errors import DataError
from epm.files.pairs import nested_row
from epm.files.rows import SIDES, RowError
from epm.pair import Pair
from epm.tables.columns import ColumnGuess, SideColumns, guess_listing_columns, guess_pair_columns, title_columns
from epm.tables.label_column import with_worded_label
from epm.tables.label_words import known_label
from epm.tables.mapping import LabelWord, Mapping, PairColumns, SideMapping
from epm.tables.pair_rows import AbsentListingError, ListingCells, ListingTable, RowPairs, listing_table
from epm.tables.repeats import Repeats
from epm.tables.table_sample import (
    N_SHOWN,
    Findings,
    Sample,
    column_fills,
    damaged_columns,
    decimal_style,
    price_doubts,
    read_sample,
    twin_doubts,
)

_MAX_LABEL_WORDS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection(Findings):
    """What a look at a table of pairs found."""

    tables: tuple[Sample, ...]
    mapping: Mapping
    unmapped: tuple[str, ...]
    labels: tuple[tuple[str, int, LabelWord | None], ...]
    pairs: tuple[Pair, ...]

    def to_json(self) -> dict[str, object]:
        """The findings as JSON values; the mapping under ``mapping``."""
        return {
            "kind": self.mapping.kind,
            **self.shared_json(),
            "labels": [{"word": word, "n": n, "label": label} for word, n, label in self.labels],
            "pairs": [nested_row(pair) for pair in self.pairs],
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
        DataError: a file cannot be read as a table, or holds single listings; says what it is instead.
    """
    sample = read_sample(path, sheet=sheet)
    guess = guess_pair_columns(sample.names)
    if left is None and right is None:
        _refuse_listings(sample, guess)
    guess, label_doubts = with_worded_label(guess, sample)
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
        doubts=(*_doubts(sample, mapping), *label_doubts, *_label_doubts(sample, mapping, words), *_side_doubts(mapping), *_price_doubts(sample, tables, mapping)),
        fills=tuple(fill for one, name, _ in samples for fill in column_fills(one, _places(mapping, name))),
        labels=labels, damaged=tuple(found for one, name, _ in samples for found in damaged_columns(one, _places(mapping, name))),
        pairs=tuple(pairs[:N_SHOWN]), n_repeats=n_repeats, n_bad=len(bad), first_bad=tuple(bad[:N_SHOWN]),
    )  # fmt: skip


def _refuse_listings(sample: Sample, guess: ColumnGuess) -> None:
    """Raises for a table that no mapping can turn into pairs: one title, no second side, no label."""
    titles = title_columns(sample.names)
    if (
        len(titles) == 1
        and "label" not in guess.pair
        and not any({"title", "id"} & side.columns.keys() for side in (guess.left, guess.right))
    ):
        raise DataError(
            f"{str(sample.path)!r} looks like a table of listings: one title column ({titles[0]!r}), no second side, no label; "
            "use --listings (or, if its rows are pairs, name the columns of their sides alike: title_left, title_right)"
        )


def _side(columns: SideColumns, sample: Sample, table: Sample | None, base: Path) -> SideMapping:
    if table is None:
        return SideMapping(
            columns=columns.columns, attributes=columns.attributes, decimal=decimal_style(sample, columns.columns.get("price", ""))
        )
    own = guess_listing_columns(table.names)
    key = columns.columns.get("id") or next(iter([*columns.attributes.values(), *columns.columns.values()]), "")
    return SideMapping(
        table=Path(relpath(table.path, base)).as_posix(), key=key or "id", file=table.layout, decimal=decimal_style(table, own.columns.get("price", "")),
        columns=own.columns, attributes=own.attributes,
    )  # fmt: skip


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
        if is_new and len(pairs) < N_SHOWN:
            pairs.append(pair)
    return pairs, n_repeats, bad


def _open_words(sample: Sample, mapping: Mapping) -> set[str]:
    """Label words that are listed as open already, and so are no fault of their rows."""
    return {cell.strip() for _, cell in sample.cells(mapping.pair.label) if known_label(cell) is None}


def _doubts(sample: Sample, mapping: Mapping) -> Iterator[str]:
    yield from sample.doubts
    if not sample.rows:
        yield "the table has no row below its header"
    for name in SIDES:
        side: SideMapping = getattr(mapping, name)
        if not side.table and side.columns.keys() == {"id"}:
            yield f"of the {name} listing only the id is here; name the tables of the listings with --left and --right"
        elif not side.columns.get("title"):
            yield f"no column was recognised as the title of the {name} listing; fill in {name}.columns.title in the mapping"
        yield from twin_doubts(side, name)


def _side_doubts(mapping: Mapping) -> Iterator[str]:
    if not mapping.left.columns and not mapping.right.columns:
        yield (
            "no two sides were recognised; a table of single listings is looked at with --listings, "
            "or goes to --left or --right beside the table of pairs that names their ids"
        )


def _label_doubts(sample: Sample, mapping: Mapping, words: Counter[str]) -> Iterator[str]:
    if len(words) == 1 and (n_blank := len(sample.rows) - words.total()):
        yield f'{n_blank} rows have no label; if a blank cell of {mapping.pair.label!r} means "no match", write "" = "no_match" under [labels]'
    if len(words) > _MAX_LABEL_WORDS:
        yield f"column {mapping.pair.label!r} holds {len(words)} different words, too many for labels; correct pair.label if it is another column"


def _price_doubts(sample: Sample, tables: Map[str, Sample], mapping: Mapping) -> Iterator[str]:
    for name in SIDES:
        side: SideMapping = getattr(mapping, name)
        yield from price_doubts(tables.get(name, sample), side.columns.get("price", ""), section=name, decimal=side.decimal)
