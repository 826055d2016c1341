"""``epm data import``: a mapped table as a pair file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

_SHOWN_BAD_ROWS = 5


def data_import(
    file: Annotated[Path, typer.Argument(help="Table of pairs: CSV, TSV, XLSX, JSON Lines (all but XLSX also .gz) or Parquet.")], *,
    mapping: Annotated[Path, typer.Option("--map", help="How the table is read: a mapping.toml of epm data inspect.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Pair file to write: .jsonl, .jsonl.gz, .csv or .parquet.")],
    label_map: Annotated[str, typer.Option(help="Label words, before those of the mapping: ja=match,nein=no_match,offen=none.")] = "",
    on_bad_row: Annotated[str, typer.Option(help="stop at the first bad row, or skip bad rows and count them.")] = "stop",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Turn a table into pairs by its mapping; a cell that cannot be read is named with line, column, value and remedy."""
    from epm.errors import ConfigError
    from epm.tables.importing import import_pairs
    from epm.tables.mapping import load_mapping, parse_label_map

    if on_bad_row not in {"stop", "skip"}:
        raise ConfigError(f"--on-bad-row {on_bad_row!r} is not allowed: use stop or skip")
    labels = parse_label_map(label_map) if label_map else {}
    report = import_pairs(
        file, out, mapping=load_mapping(mapping), base=mapping.parent, labels=labels, on_bad_row="skip" if on_bad_row == "skip" else "stop"
    )
    for bad in report.bad_rows[:_SHOWN_BAD_ROWS]:
        typer.echo(f"{file}, line {bad.line}: skipped, {bad.reason}", err=True)
    if as_json:
        typer.echo(json.dumps({"path": str(out), **report.to_json()}, ensure_ascii=False))
        return
    typer.echo(f"{report.n_pairs} pairs in {out} ({', '.join(f'{name} {n}' for name, n in report.labels.items())})")
    counts = {"bad rows skipped": report.n_skipped, "exact repeats left out": report.n_repeats}
    counts |= {f"codes restored, {name}": n for name, n in report.codes_restored.items()}
    counts |= {f"codes dropped, {name}": n for name, n in report.codes_dropped.items()}
    for name, n in counts.items():
        typer.echo(f"  {name}: {n}")
    if report.unused_columns:
        typer.echo(f"  columns not used: {', '.join(map(repr, report.unused_columns))}")
