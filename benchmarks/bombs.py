"""Hostile and huge input files, each looked at in a process of its own: what it says, what it takes, and what twice as much takes.

python benchmarks/bombs.py [name ...]
"""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

MB = 1 << 20
EPM = "from epm.cli.app import main; main()"
BOOK = {
    "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/sharedStrings.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
    '<sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship '
    'Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>'
    "</Relationships>",
}
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def cells(*texts: str) -> str:
    return "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts)


HEAD = f"<row>{cells('left_title', 'right_title', 'label')}</row>"
ROW = f"<row>{cells('drill', 'driver', '1')}</row>"


def book(path: Path, sheet: list[tuple[str, int]], *, prolog: str = "", shared: list[tuple[str, int]] | None = None) -> None:
    """A workbook whose sheet is the blocks of text, each so many times."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, text in BOOK.items():
            archive.writestr(name, text)
        for name, blocks in (("xl/worksheets/sheet1.xml", sheet), ("xl/sharedStrings.xml", shared or [])):
            with archive.open(name, "w", force_zip64=True) as part:
                root = "worksheet" if blocks is sheet else "sst"
                part.write(f"{prolog}<{root} {MAIN}>".encode())
                for text, n in blocks:
                    many = text.encode() * max(1, min(n, MB // max(1, len(text))))
                    for _ in range(max(1, n * len(text) // len(many)) if n else 0):
                        part.write(many)
                part.write(f"</{root}>".encode())


def rows(n: int) -> list[tuple[str, int]]:
    return [("<sheetData>", 1), (HEAD, 1), (ROW, n), ("</sheetData>", 1)]


def laughs(path: Path, size: int) -> None:
    levels = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    text = f"<row>{cells('&a9;' * size, 'b', 'c')}</row>"
    book(path, [("<sheetData>", 1), (HEAD, 1), (text, 1), ("</sheetData>", 1)], prolog=f'<!DOCTYPE x [<!ENTITY a0 "ha">{levels}]>')


def external(path: Path, _size: int) -> None:
    text = f"<row>{cells('&x;', 'b', 'c')}</row>"
    book(path, [("<sheetData>", 1), (HEAD, 1), (text, 1)], prolog='<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/hostname">]>')


def lying_dimension(path: Path, size: int) -> None:
    far = f'<row r="{500_000 * size}"><c r="XFD{500_000 * size}" t="inlineStr"><is><t>far</t></is></c></row>'
    book(path, [('<dimension ref="A1:XFD1048576"/><sheetData>', 1), (HEAD, 1), (ROW, 3), (far, 1), ("</sheetData>", 1)])


def gz(path: Path, size: int) -> None:
    line = b"drill,driver,1\n"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(b"left_title,right_title,label\n")
        for _ in range(1024 * size):
            stream.write(line * (MB // len(line)))


def text(path: Path, head: bytes, block: bytes, n_mb: int, tail: bytes = b"") -> None:
    with path.open("wb") as stream:
        stream.write(head)
        for _ in range(n_mb):
            stream.write(block * (MB // len(block)))
        stream.write(tail)


def wide(path: Path, size: int) -> None:
    names = [f"c{i}" for i in range(25_000 * size)]
    table = io.StringIO()
    for line in (["left_title", "right_title", *names], *[["a", "b", *("x" for _ in names)]] * 3):
        table.write(",".join(line) + "\n")
    path.write_text(table.getvalue())


def alike(path: Path, size: int) -> None:
    path.write_text(
        ("left_title,right_title," + ",".join(["price"] * 8000 * size) + "\n") + ("a,b," + ",".join("1" * 8000 * size) + "\n") * 3
    )


def parquet(path: Path, size: int) -> None:
    import pyarrow as pa
    from pyarrow import parquet as files

    long = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000 * size, pa.int32()), pa.array(["x" * 3 * MB]))
    files.write_table(pa.table({"left_title": long, "right_title": long}), path, compression="zstd")


def zeros(path: Path, size: int) -> None:
    import pyarrow as pa
    from pyarrow import parquet as files

    column = pa.array(["0" * MB] * 700 * size, pa.large_string())
    files.write_table(pa.table({"left_title": column, "right_title": column}), path, compression="zstd", use_dictionary=False)


CASES: dict[str, tuple[str, Callable[[Path, int], None]]] = {
    "sheet of an xlsx, 400 MB": ("b.xlsx", lambda p, n: book(p, rows(3_000_000 * n))),
    "blank rows of an xlsx": (
        "b.xlsx",
        lambda p, n: book(p, [("<sheetData>", 1), (HEAD, 1), ("<row/>", 400_000 * n), (ROW, 3), ("</sheetData>", 1)]),
    ),
    "shared texts of an xlsx": ("b.xlsx", lambda p, n: book(p, rows(3), shared=[("<si><t>x</t></si>", 20_000_000 * n)])),
    "billion laughs": ("b.xlsx", laughs),
    "external entity": ("b.xlsx", external),
    "lying dimension": ("b.xlsx", lying_dimension),
    "csv.gz of 1 GB": ("b.csv.gz", gz),
    "jsonl line of 500 MB": ("b.jsonl", lambda p, n: text(p, b'{"left_title": "', b"x" * 1024, 500 * n, b'"}\n')),
    "open quote over 500 MB": ("b.csv", lambda p, n: text(p, b'left_title,right_title,label\na,b,1\n"', b"drill driver 1\n", 500 * n)),
    "csv line of 500 MB": ("b.csv", lambda p, n: text(p, b"left_title,right_title,label\na,b,1\n", b"x" * 1024, 500 * n)),
    "nested json": ("b.jsonl", lambda p, n: p.write_text('{"a": ' + "[" * 50_000 * n + "]" * 50_000 * n + "}\n") and None),
    "csv columns": ("b.csv", wide),
    "columns called alike": ("b.csv", alike),
    "csv of small rows": ("b.csv", lambda p, n: text(p, b"left_title,right_title,label\n", b"ab,cd,1\n", 4 * n)),
    "parquet dictionary": ("b.parquet", parquet),
    "parquet of zeros": ("b.parquet", zeros),
    "json keys": ("b.jsonl", lambda p, n: p.write_text(json.dumps({f"k{i}": "v" for i in range(25_000 * n)}) + "\n") and None),
}
COMMANDS = {
    "inspect": ["data", "inspect", "FILE", "--json", "-o", "OUT"],
    "import": ["data", "import", "FILE", "--mapping", "MAP", "-o", "OUT"],
}


def measured(path: Path, *, command: tuple[str, ...]) -> tuple[int, float, float, str]:
    """Exit status, CPU seconds, the most MB held, and the last line said."""
    code = f"import resource,sys\nsys.argv=['epm',*{list(command)!r}]\ntry:\n    {EPM}\nfinally:\n    u=resource.getrusage(resource.RUSAGE_SELF)\n"
    code += "    print('\\nUSED',u.ru_utime+u.ru_stime,u.ru_maxrss/1024,file=sys.stderr)\n"
    code = code.replace(f"    {EPM}", "    from epm.cli.app import main\n    main()")
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=path.parent, timeout=900)
    *said, used = done.stderr.strip().splitlines()
    _, cpu_s, rss_mb = used.split()
    return done.returncode, float(cpu_s), float(rss_mb), next((line for line in reversed(said) if line.strip()), "")


def main() -> None:
    chosen = sys.argv[1:] or list(CASES)
    print(f"{'file':26} {'MB':>7} {'exit':>4} {'CPU s':>7} {'of 2n':>7} {'RSS MB':>7}  says")
    for name in chosen:
        ending, make = CASES[name]
        found = []
        with tempfile.TemporaryDirectory() as folder:
            for size in (1, 2):
                path = Path(folder) / f"{size}" / ending
                path.parent.mkdir()
                make(path, size)
                n_mb = path.stat().st_size / MB
                command = tuple(part.replace("FILE", str(path)).replace("OUT", str(path.parent / "m.toml")) for part in COMMANDS["inspect"])
                found.append((n_mb, *measured(path, command=command)))
        (n_mb, code, cpu_s, _, said), (_, _, cpu_2, rss_mb, _) = found
        print(f"{name:26} {n_mb:7.2f} {code:4} {cpu_s:7.2f} {cpu_2:7.2f} {rss_mb:7.0f}  {said[:110]}", flush=True)


if __name__ == "__main__":
    main()
