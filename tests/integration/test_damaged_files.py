"""Damaged and hostile input files: refused in one line, or read as what they really say; never a traceback."""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from epm.errors import DataError
from epm.files.atomic import write_text
from epm.files.bounds import FileBounds, reading_within
from epm.files.pairs import read_pairs, write_pairs
from epm.tables.cells import GridRow
from epm.tables.columns import guess_listing_columns
from epm.tables.header import column_names
from epm.tables.inspection import inspect_table
from epm.tables.source import guess_layout, named_rows
from forked_python import EPM, run_forked
from integration.damaged import CHECKED, KINDS, NEED_TORCH, outcome_of, pairs

N_EACH = 60
N_SLOW = 25


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=[pytest.mark.torch] * (kind in NEED_TORCH)) for kind in sorted(KINDS)])
def test_damaged_files_are_refused_or_read_and_never_a_traceback(kind: str, tmp_path: Path) -> None:
    n = N_SLOW if kind in NEED_TORCH else N_EACH
    found = [outcome_of(kind, tmp_path, random.Random(f"{kind} {seed}")) for seed in range(n)]
    counts = Counter(outcome for outcome, _ in found)

    assert counts["traceback"] == 0, [why for outcome, why in found if outcome == "traceback"][:3]
    if kind in CHECKED:
        assert counts["other"] == 0


@pytest.mark.parametrize("name", ["left_title", "gold_label"])
def test_a_column_whose_name_was_changed_in_a_parquet_file_is_not_taken_for_another(name: str, tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    write_pairs(path, pairs())
    path.write_bytes(path.read_bytes().replace(name.encode(), name.replace("l", "m", 1).encode()))

    with pytest.raises(DataError, match=rf"it names a column '{name}' in one place and '{name.replace('l', 'm', 1)}' in another"):
        read_pairs(path)


@pytest.mark.parametrize("name", ["t.xlsx", "t.csv.gz", "p.parquet"])
def test_a_command_refuses_a_damaged_file_in_one_line(name: str, tmp_path: Path) -> None:
    KINDS[{"t.xlsx": "xlsx", "t.csv.gz": "csv.gz", "p.parquet": "parquet"}[name]].make(tmp_path / name)
    os.truncate(tmp_path / name, (tmp_path / name).stat().st_size * 2 // 3)
    for command in (("data", "inspect", name, "-o", "m.toml"), ("match", name, "--matcher", "evidence-rules")):
        done = run_forked(EPM, *command, cwd=tmp_path)

        assert (done.returncode, done.stdout) == (2, ""), done
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("epm: ")
        assert name in done.stderr


def test_a_packed_file_is_refused_where_it_unpacks_beyond_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"left_title": "a", "right_title": "b"}\n' * 60_000))

    with reading_within(FileBounds(max_unpacked_bytes=1 << 20)), pytest.raises(DataError, match="--max-unpacked-mb"):
        read_pairs(path, on_bad_row="skip")


def test_a_workbook_that_declares_entities_is_refused(tmp_path: Path) -> None:
    sound, path = tmp_path / "sound.xlsx", tmp_path / "b.xlsx"
    KINDS["xlsx"].make(sound)
    with ZipFile(sound) as old, ZipFile(path, "w", ZIP_DEFLATED) as new:
        for part in old.infolist():
            declared = b'<!DOCTYPE x [<!ENTITY a "ha">]>' if part.filename.endswith("sheet1.xml") else b""
            new.writestr(part, declared + old.read(part))

    with pytest.raises(DataError, match="declares entities"):
        list(named_rows(path, guess_layout(sound).layout))


@pytest.mark.parametrize(
    ("name", "content", "flag"),
    [
        ("p.csv", b"left_title,right_title\na," + b"x" * 5000 + b"\n", "--max-cell-kb"),
        ("p.jsonl", b'{"left_title": "' + b"x" * 20_000 + b'", "right_title": "b"}\n', "--max-line-kb"),
        ("p.csv", b"left_title,right_title," + b",".join(b"c%d" % i for i in range(60)) + b"\n", "--max-columns"),
    ],
)
def test_a_refusal_names_the_flag_that_raises_its_bound(tmp_path: Path, name: str, content: bytes, flag: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with reading_within(FileBounds(max_line_bytes=8192, max_cell_chars=4096, max_columns=50)):
        with pytest.raises(DataError, match=flag):
            read_pairs(path)
        with pytest.raises(DataError, match=flag):
            inspect_table(path, base=tmp_path)


def test_columns_called_alike_are_named_in_linear_time() -> None:
    def cpu_s(n: int) -> float:
        began_s = time.process_time()
        names = column_names([GridRow(1, ("price",) * n)])
        guess_listing_columns(names)
        guess_listing_columns(["price!" * (i % 7 + 1) for i in range(n)])
        return time.process_time() - began_s

    assert cpu_s(8000) < 3 * cpu_s(4000)


def test_a_killed_writer_leaves_nothing_after_the_next_and_a_living_one_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    code = "import sys,time\nfrom epm.files.atomic import replacing\nwith replacing(sys.argv[1]) as s:\n s.write(b'half');s.flush();print('on',flush=True);time.sleep(60)"
    users = tmp_path / ".out.txt.notes.partial"
    users.write_text("mine")
    writers = [subprocess.Popen([sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE) for _ in range(2)]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    os.kill(writers[0].pid, signal.SIGKILL)
    writers[0].wait()

    write_text(target, "whole")
    left = [path.name for path in tmp_path.iterdir()]
    writers[1].kill()
    writers[1].wait()
    write_text(target, "whole")
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.close()

    assert len(left) == 3  # the target, the user's file and what the living process writes
    assert sorted(path.name for path in tmp_path.iterdir()) == [users.name, target.name]


def test_a_full_disk_is_one_line_and_leaves_no_half_file(tmp_path: Path) -> None:
    source, target = tmp_path / "p.jsonl", tmp_path / "out.csv"
    write_pairs(source, pairs())
    code = (
        "import resource,signal,sys\nfrom epm.files.pairs import read_pairs,write_pairs\nfrom epm.errors import DataError\n"
        "found=read_pairs(sys.argv[1]).pairs\nsignal.signal(signal.SIGXFSZ,signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE,(1000,1000))\n"
        "try:\n    write_pairs(sys.argv[2],found)\nexcept DataError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(source), str(target)], check=False, capture_output=True, text=True)

    assert "cannot write" in done.stdout
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == [source.name]
