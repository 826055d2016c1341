"""``epm data import``: a mapped table as a pair file or a clean table of listings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.streams import note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epm.files.pairs import OnBadRow
    from epm.tables.import_report import TableReport
    from epm.tables.importing import ImportReport
    from epm.tables.listing_importing import ListingReport

_SHOWN_BAD_ROWS = 5


def data_import(
    file: Annotated[Path, typer.Argument(help="Table of pairs or listings: CSV, TSV, XLSX, JSON Lines (all but XLSX also .gz) or Parquet.")], *,
    mapping: Annotated[Path, typer.Option("--map", help="How the table is read: a mapping.toml of epm data inspect.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write: .jsonl, .jsonl.gz, .csv or .parquet.")],
    label_map: Annotated[str, typer.Option(help="Label words, before those of the mapping: ja=match,nein=no_match,offen=none.")] = "",
    on_bad_row: Annotated[str, typer.Option(help="stop at the first bad row, or skip bad rows and count them.")] = "stop",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Turn a table into pairs, or listings for epm block, by its mapping; a cell that cannot be read is named with line, column, value and remedy."""
    from epm.errors import ConfigError
    from epm.tables.importing import import_pairs
    from epm.tables.listing_importing import import_listings
    from epm.tables.mapping import ListingMapping, load_mapping, parse_label_map

    if on_bad_row not in {"stop", "skip"}:
        raise ConfigError(f"--on-bad-row {on_bad_row!r} is not allowed: use stop or skip")
    policy: OnBadRow = "skip" if on_bad_row == "skip" else "stop"
    labels = parse_label_map(label_map) if label_map else {}
    loaded = load_mapping(mapping)
    report: ImportReport | ListingReport
    if isinstance(loaded, ListingMapping):
        if labels:
            raise ConfigError(f'--label-map {label_map!r} is for pairs, but the mapping says kind = "listings": leave it out')
        report = import_listings(file, out, mapping=loaded, on_bad_row=policy)
        first = f"{report.n_listings} listings in {out} (ids made from the content: {report.n_made_ids})"
    else:
        report = import_pairs(file, out, mapping=loaded, base=mapping.parent, labels=labels, on_bad_row=policy)
        if report.labels["none"] == report.n_pairs:
            note(f"epm: note: none of the {report.n_pairs} pairs has a label; name its column as pair.label in {mapping}")
        first = f"{report.n_pairs} pairs in {out} ({', '.join(f'{name} {n}' for name, n in report.labels.items())})"
    for bad in report.bad_rows[:_SHOWN_BAD_ROWS]:
        note(f"{file}, line {bad.line}: skipped, {bad.reason}")
    if as_json:
        typer.echo(json.dumps({"path": str(out), "kind": loaded.kind, **report.to_json()}, ensure_ascii=False))
        return
    for line in (first, *_counts(report)):
        typer.echo(line)


def _counts(report: TableReport) -> Iterator[str]:
    counts = {"bad rows skipped": report.n_skipped, "exact repeats left out": report.n_repeats}
    counts |= {f"codes restored, {name}": n for name, n in report.codes_restored.items()}
    counts |= {f"codes dropped, {name}": n for name, n in report.codes_dropped.items()}
    counts |= {"prices kept as written": report.n_worded_prices} if report.n_worded_prices else {}
    for name, n in counts.items():
        yield f"  {name}: {n}"
    if report.unused_columns:
        yield f"  columns not used: {', '.join(map(repr, report.unused_columns))}"
