"""``epm data inspect``: a first look at a table, and a mapping to start from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from epm.cli.streams import note


def data_inspect(
    file: Annotated[Path, typer.Argument(help="Table of pairs or listings: CSV, TSV, XLSX, JSON Lines (all but XLSX also .gz) or Parquet.")], *,
    listings: Annotated[bool, typer.Option("--listings", help="Each row of FILE is one listing: a catalogue for epm block.")] = False,
    left: Annotated[Path | None, typer.Option(help="Table of the left listings, if FILE holds their ids alone.")] = None,
    right: Annotated[Path | None, typer.Option(help="Table of the right listings; may be the same as --left.")] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Mapping to write; an older one with other content is kept beside it.")] = Path("mapping.toml"),
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook; the first if not given.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Guess how a table is written and what its columns hold, show three pairs (or listings), and write the guess to a mapping that people correct."""
    from epm.errors import ConfigError
    from epm.files.overwriting import refuse_overwriting
    from epm.tables.inspection import inspect_table
    from epm.tables.inspection_text import inspection_lines
    from epm.tables.listing_inspection import inspect_listings
    from epm.tables.mapping_file import write_mapping

    if (left is None) != (right is None):
        raise ConfigError("--left and --right belong together: name the table of each side, twice the same one if both share it")
    if listings and left is not None:
        raise ConfigError("--listings looks at one table of listings; --left and --right belong to a table of pairs: use one or the other")
    refuse_overwriting(out, [file, left, right])
    found = inspect_listings(file, sheet=sheet) if listings else inspect_table(file, base=out.parent, left=left, right=right, sheet=sheet)
    kept = write_mapping(out, found)
    if kept is not None:
        note(f"{out}: the earlier mapping is kept as {kept}")
    if as_json:
        typer.echo(json.dumps({**found.to_json(), "mapping_path": str(out)}, ensure_ascii=False))
        return
    for line in inspection_lines(found):
        typer.echo(line)
    typer.echo(
        f"\nwrote {out}; correct it where it is wrong, then: epm data import {file} --map {out} -o {'listings.jsonl' if listings else 'pairs.parquet'}"
    )
