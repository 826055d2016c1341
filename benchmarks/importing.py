"""Rows a second and peak memory of ``epm data inspect`` and ``epm data import`` on generated tables of each format.

    python benchmarks/importing.py              10,000 and 100,000 rows of CSV, JSON Lines, Parquet and XLSX
    python benchmarks/importing.py 1000000 csv  other sizes and formats

Every step runs in a process of its own, for the peak memory of a process never falls. Times are CPU seconds of that process, imports
left out. ``base_mb`` is the memory before the file is touched: what grows with rows is the difference. Prints JSON lines.
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from epm.evidence.gtins import check_digit
from epm.tables.importing import import_pairs
from epm.tables.inspection import inspect_table
from epm.tables.mapping import load_mapping
from epm.tables.mapping_file import write_mapping

FORMATS = ("csv", "jsonl", "parquet", "xlsx")
COLUMNS = ("Nr", "Titel A", "Preis A", "EAN A", "Titel B", "Preis B", "Farbe B", "gleich")
_COLOURS = ("schwarz", "weiß", "rot", "blau")
_BATCH_ROWS = 10_000


def main(sizes: list[int], formats: list[str]) -> None:
    with TemporaryDirectory() as folder:
        for n_rows in sizes:
            for kind in formats:
                path = Path(folder) / f"{n_rows}.{kind}"
                run("write", path, str(n_rows))
                for step in ("inspect", "import"):
                    done = run(step, path)
                    found = {"format": kind, "n_rows": n_rows, "file_mb": round(path.stat().st_size / 1e6, 1), **json.loads(done)}
                    print(json.dumps(found), flush=True)
                path.unlink()


def run(step: str, *arguments: str | Path) -> str:
    """What this script prints for one step in a process of its own; a process begins with the peak memory of the one that started it."""
    return subprocess.run([sys.executable, __file__, step, *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def one(step: str, path: Path) -> None:
    """Run one step and print its measures; ``import`` uses the mapping that ``inspect`` wrote beside the file."""
    from pyarrow import parquet  # noqa: F401 - loaded here, so that its memory is counted as base in every case

    mapping_path, out = path.with_suffix(".toml"), path.with_suffix(".out.parquet")
    base_mb, start = peak_mb(), time.process_time()
    if step == "inspect":
        found = inspect_table(path, base=path.parent)
        write_mapping(mapping_path, found)
        n_rows = len(found.sample.rows)
    else:
        n_rows = import_pairs(path, out, mapping=load_mapping(mapping_path), base=path.parent).n_pairs
    cpu_s = time.process_time() - start
    print(json.dumps({
        "step": step, "n_read": n_rows, "cpu_s": round(cpu_s, 2), "rows_per_s": round(n_rows / cpu_s), "base_mb": base_mb, "peak_mb": peak_mb(),
    }))  # fmt: skip


def peak_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def rows(n_rows: int) -> Iterator[tuple[str, ...]]:
    for i in range(n_rows):
        body = f"{400000000000 + i}"
        colour = _COLOURS[i % 4]
        yield (
            str(i), f"Kolvra Wasserkocher KX-{i} {colour} 1,7 l", f"{1 + i % 900},{i % 100:02d} €", body + check_digit(body),
            f"Kolvra KX-{i + i % 2} Kettle 1.7 l, {2000 + i % 5} W", f"{1 + i % 901},{i % 100:02d}", colour, "nein" if i % 2 else "ja",
        )  # fmt: skip


def write_table(path: Path, n_rows: int) -> None:
    """A table of pairs of invented products in the format of the name; it is written in batches."""
    if path.suffix == ".csv":
        with path.open("w", encoding="cp1252", newline="") as stream:
            csv.writer(stream, delimiter=";").writerows([COLUMNS, *rows(n_rows)])
    elif path.suffix == ".jsonl":
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) + "\n" for row in rows(n_rows))
    elif path.suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        records = [dict(zip(COLUMNS, row, strict=True)) for row in rows(n_rows)]
        parquet.write_table(pa.Table.from_pylist(records), path, row_group_size=_BATCH_ROWS)
    else:
        from openpyxl import Workbook

        book = Workbook(write_only=True)
        sheet = book.create_sheet("Paare")
        for row in (COLUMNS, *rows(n_rows)):
            sheet.append(row)
        book.save(path)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["write"]:
        write_table(Path(arguments[1]), int(arguments[2]))
    elif arguments[:1] in (["inspect"], ["import"]):
        one(arguments[0], Path(arguments[1]))
    else:
        main(
            [int(word) for word in arguments if word.isdigit()] or [10_000, 100_000],
            [word for word in arguments if word in FORMATS] or list(FORMATS),
        )
