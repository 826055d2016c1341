"""An inspection as lines for a terminal: findings first, then three pairs or listings as they would be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from epm.files.rows import ATTRIBUTE_PREFIX
from epm.listing import Listing
from epm.tables.inspection import Inspection
from epm.tables.listing_inspection import ListingInspection
from epm.tables.spreadsheet import Damage
from epm.tables.table_sample import DamagedColumn, Sample

_CELL_CHARS = 40
_TEXT_CHARS = 70


def inspection_lines(found: Inspection | ListingInspection) -> Iterator[str]:
    """What was found, in the order in which people check it; cells are shown without control characters."""
    tables = found.tables if isinstance(found, Inspection) else ()
    yield from map(_sample_line, (found.sample, *tables))
    yield ""
    yield from _table(
        ("column", "read as", "filled", "first cell"),
        [(_safe(f.column), f.place or "not used", _share(f.n_filled, f.n), _safe(f.example)) for f in found.fills],
    )
    yield ""
    if isinstance(found, Inspection) and found.labels:
        words = (f"{_safe(word)} = {label or 'unknown'} ({n})" for word, n, label in found.labels)
        yield f"labels: {', '.join(words)}"
    yield f"repeats: {found.n_repeats} rows say exactly what an earlier one says; the import leaves them out"
    if isinstance(found, ListingInspection) and found.n_made_ids:
        yield f"ids: {found.n_made_ids} rows have none; the import makes ids from their content"
    yield from (_damage_line(damaged) for damaged in found.damaged)
    if found.n_bad:
        yield f"refused: {found.n_bad} rows; the first:"
        yield from (f"  line {line}: {_safe(reason, 240)}" for line, reason in found.first_bad)
    yield from (f"look at: {doubt}" for doubt in found.doubts)
    yield from _pair_lines(found) if isinstance(found, Inspection) else _listing_lines(found)


def _pair_lines(found: Inspection) -> Iterator[str]:
    for word, n in found.open_labels.items():
        yield f"look at: label {_safe(word)!r} ({n} rows) has no known meaning; fill it in under [labels]"
    for pair in found.pairs:
        yield f"\npair {_safe(pair.id)}: {pair.gold_label or 'no label'}"
        yield from (f"  {name:<5}  {_listing(listing)}" for name, listing in (("left", pair.left), ("right", pair.right)))


def _listing_lines(found: ListingInspection) -> Iterator[str]:
    for listing in found.listings:
        yield f"\nlisting {_safe(listing.id)}"
        yield f"  {_listing(listing)}"


def _sample_line(sample: Sample) -> str:
    extent = (
        f"all {len(sample.rows):,} rows"
        if sample.is_whole
        else f"the first {len(sample.rows):,} rows only: every figure below is of this sample"
    )
    return f"{sample.path}: {', '.join(sample.found)}; read {extent}"


def _damage_line(found: DamagedColumn) -> str:
    cells = ", ".join(f"line {line} {_safe(value)!r}" for line, value in found.first)
    if found.is_restored:
        end = (
            "its check digit proves the zeros, the import restores them"
            if found.damage is Damage.ZEROS_LOST
            else "the import reads the bare code"
        )
    else:
        end = 'lost for good; the import stops there unless damaged_identifiers = "drop"'
    return f"codes: column {_safe(found.column)!r}, {found.n} {found.damage.value} ({cells}); {end}"


def _listing(listing: Listing) -> str:
    parts = {field.name: getattr(listing, field.name) for field in fields(listing) if field.name not in {"attributes", "extras"}}
    # an attribute that is called as a field is would take its place
    parts |= {f"{ATTRIBUTE_PREFIX}{name}" if name in parts else name: value for name, value in listing.attributes.items()}
    shown = [f"{name}={_safe(str(value), _TEXT_CHARS)!r}" for name, value in parts.items() if value is not None]
    return " ".join(shown)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    lines = [headers, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headers))]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _safe(text: str, limit: int = _CELL_CHARS) -> str:
    """One line without control characters: a cell could otherwise steer the terminal."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"
