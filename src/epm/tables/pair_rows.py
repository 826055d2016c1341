"""Named rows as Pairs, by a mapping: every refusal names the column and shows the cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass, field

from epm.files.raw import RawRow
from epm.files.rows import ATTRIBUTE_PREFIX, SIDES, ParsedListing, RowError, parse_listing, parse_row
from epm.pair import Pair
from epm.tables.cells import PlainNumber, Uncomputed
from epm.tables.label_words import known_label, label_key
from epm.tables.mapping import FileLayout, LabelWord, ListingColumns, Mapping, OnDamage, SideMapping
from epm.tables.prices import is_price, plain_price
from epm.tables.spreadsheet import Damage, is_formula_error, restore_code

CODE_FIELDS = ("gtin", "mpn", "id", "cluster_id")
ListingTable = Map[str, Map[str, object]]
"""The listings of a table by id: fields and attributes as a flat row names them, without the side."""


class CellError(RowError):
    """What is wrong with one cell, with its column and value but without its line."""

    def __init__(self, column: str, value: str, reason: str) -> None:
        super().__init__(f"column {column!r}, value {value[:60]!r}: {reason}")


class AbsentListingError(CellError):
    """A pair points to a listing that its table does not hold."""


@dataclass(slots=True)
class CodeCounts:
    """Codes that a spreadsheet had damaged: restored exactly, or dropped, by kind of damage."""

    restored: Counter[Damage] = field(default_factory=Counter)
    dropped: Counter[Damage] = field(default_factory=Counter)


class ListingCells:
    """Reads a listing from the cells of a row."""

    def __init__(self, side: ListingColumns, layout: FileLayout, on_damage: OnDamage) -> None:
        self._side = side
        self._on_damage = on_damage
        self._missing = {word.casefold() for word in layout.missing}
        self.codes = CodeCounts()
        self.n_worded_prices = 0

    def listing(self, cells: Map[str, object]) -> dict[str, object]:
        """The fields and attributes that the cells hold.

        Raises:
            CellError: a title that is empty, or a cell that cannot be what its field says.
        """
        found: dict[str, object] = {}
        # the price first, so that a column of currencies wins over a sign beside the price
        for name, column in sorted(self._side.columns.items(), key=lambda item: item[0] != "price"):
            text = self.text(cells, column)
            if text is not None:
                found.update(self._field(name, column, text))
        if "title" not in found:
            column = self._side.columns["title"]
            raise CellError(column, str(cells.get(column, "")), "every listing needs a title; fill the cell or remove the row")
        for name, column in self._side.attributes.items():
            text = self.text(cells, column)
            if text is not None:
                found[f"{ATTRIBUTE_PREFIX}{name}"] = text
        return found

    def parsed(self, row: RawRow) -> ParsedListing:
        """The Listing of a whole row; raises like :meth:`listing`, and for a row without cells."""
        if row.values is None:
            raise RowError(row.problem)
        return parse_listing(self.listing(row.values))

    def text(self, cells: Map[str, object], column: str) -> str | None:
        """The text of a cell, ``None`` if it is empty or says that nothing is there; raises for what a spreadsheet could not compute."""
        value = cells.get(column) if column else None
        if not isinstance(value, str) or not value.strip() or value.strip().casefold() in self._missing:
            return None
        if is_formula_error(value):
            raise CellError(column, value, "the spreadsheet could not compute it; mend the formula or empty the cell")
        if isinstance(value, Uncomputed):
            raise CellError(
                column, value, "the workbook holds no value of this formula; open it in a spreadsheet program and save it there"
            )
        if "\0" in value:
            raise CellError(column, value, "holds a NUL character: the file is damaged or of another encoding; mend the cell")
        return value if isinstance(value, PlainNumber) else value.strip()

    def code(self, column: str, text: str, *, is_gtin: bool = False) -> str | None:
        """The code of a cell as it was before a spreadsheet touched it; raises or counts what cannot be restored."""
        code = restore_code(text, is_gtin=is_gtin)
        if code.text is not None:
            self.codes.restored.update([code.damage] if code.damage else [])
            return code.text
        damage = code.damage or Damage.DIGITS_LOST
        if self._on_damage == "stop":
            remedy = 'export it anew with the column formatted as text, or set damaged_identifiers = "drop" in the mapping'
            raise CellError(column, text, f"a spreadsheet damaged this code ({damage.value}); {remedy}")
        self.codes.dropped[damage] += 1
        return None

    def _field(self, name: str, column: str, text: str) -> dict[str, object]:
        if name in CODE_FIELDS:
            code = self.code(column, text, is_gtin=name == "gtin")
            return {} if code is None else {name: code}
        if name != "price":
            return {name: text}
        try:
            price = plain_price(text, self._side.decimal)
        except ValueError as error:
            raise CellError(column, text, str(error)) from error
        self.n_worded_prices += not is_price(text)
        found: dict[str, object] = {"price": price.text}
        return found | ({"currency": price.currency} if price.currency else {})


class RowPairs:
    """Turns the rows of a pairs table into Pairs."""

    def __init__(self, mapping: Mapping, labels: Map[str, LabelWord], tables: Map[str, ListingTable]) -> None:
        self._mapping = mapping
        self._labels = {label_key(word): label for word, label in {**mapping.labels, **labels}.items()}
        self._tables = tables
        self.sides = {name: ListingCells(getattr(mapping, name), mapping.file, mapping.damaged_identifiers) for name in SIDES}

    def pair(self, row: RawRow) -> Pair:
        """The Pair of a row.

        Raises:
            RowError: what is wrong with the row, naming column and value where one cell is to blame.
        """
        if row.values is None:
            raise RowError(row.problem)
        values: dict[str, object] = self._pair_fields(row.values)
        for name in SIDES:
            listing = self._looked_up(name, row.values) if name in self._tables else self.sides[name].listing(row.values)
            values.update({f"{name}_{key}": value for key, value in listing.items()})
        return parse_row(values).pair

    def _pair_fields(self, cells: Map[str, object]) -> dict[str, object]:
        reader = self.sides["left"]
        columns = self._mapping.pair
        found = {name: reader.text(cells, getattr(columns, name)) for name in ("pair_id", "relation", "factor", "split")}
        word = reader.text(cells, columns.label) or ""
        if word or (columns.label and "" in self._labels):
            label = self._labels.get(label_key(word)) or known_label(word)
            if label is None:
                known = ", ".join(map(repr, self._labels)) or "none"
                raise CellError(
                    columns.label, word, f"no label is known for this word (known: {known}); add it under [labels] or to --label-map"
                )
            found["gold_label"] = None if label == "none" else label
        return {name: value for name, value in found.items() if value is not None}

    def _looked_up(self, name: str, cells: Map[str, object]) -> Map[str, object]:
        side: SideMapping = getattr(self._mapping, name)
        written = self.sides[name].text(cells, side.key)
        if written is None:
            raise CellError(side.key, "", f"a pair needs the id of its {name} listing; fill the cell or remove the row")
        listing = self._tables[name].get(restore_code(written, is_gtin=False).text or written)
        if listing is None:
            raise AbsentListingError(side.key, written, f"the table {side.table!r} has no listing of this id; add it or remove the row")
        return listing


def listing_table(
    rows: Iterable[RawRow], reader: ListingCells, id_column: str
) -> tuple[dict[str, Map[str, object]], list[tuple[int, str]]]:
    """The listings of a table by id, and the rows that hold none with the reason."""
    listings: dict[str, Map[str, object]] = {}
    bad: list[tuple[int, str]] = []
    for row in rows:
        try:
            _add(listings, row, reader, id_column)
        except RowError as error:
            bad.append((row.line, str(error)))
    return listings, bad


def _add(listings: dict[str, Map[str, object]], row: RawRow, reader: ListingCells, id_column: str) -> None:
    if row.values is None:
        raise RowError(row.problem)
    listing = reader.listing(row.values)
    code = listing.get("id")
    if not isinstance(code, str):
        raise CellError(id_column, "", "a listing table needs an id in every row")
    if listings.setdefault(code, listing) != listing:
        raise CellError(id_column, code, "an earlier row has the same id with other content; ids must be unique")
