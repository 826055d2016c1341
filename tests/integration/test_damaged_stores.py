# ruff: noqa: S608  # names of our own tables
"""A damaged store is one line that names it, never a traceback, and what can still be read is shown."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import typer.main

from epm.cli.app import build_app
from epm.errors import EpmError, StoreError
from epm.store.store import RunStore

EXAMPLE = Path(__file__).parents[2] / "examples" / "pairs.jsonl"
GARBAGE = ("{", "null", '{"a": 1}', b"\xff\xfe\x80", None, 7, "[" * 100_000)
TEXT_GARBAGE = ("no such value", b"\xff\xfe", 1.5)
JSON_COLUMNS = (
    ("runs", "settings_json"),
    ("runs", "provenance_json"),
    ("pairs", "pair_json"),
    ("rationales", "rationale_json"),
    ("decisions", "provenance_json"),
    ("judgements", "scores_json"),
    ("cache", "row_json"),
)
OTHER_COLUMNS = (
    ("runs", "status"),
    ("runs", "created_at_s"),
    ("decisions", "outcome"),
    ("decisions", "label"),
    ("decisions", "cost_usd"),
    ("judgements", "cost_usd"),
    ("calls", "error_class"),
    ("calls", "cost_usd"),
)
TABLES = ("runs", "items", "pairs", "decisions", "rationales", "judgements", "calls", "cache", "waiting", "store_version")
SEEDS = 10
PAIR_ID = json.loads(EXAMPLE.read_text(encoding="utf-8").splitlines()[0])["pair_id"]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store of one judged run, and the run's id."""
    place = tmp_path_factory.mktemp("sound") / "store.db"
    assert told("teach", str(EXAMPLE), "--model", "rules", "--embedder", "hash", "--store", str(place)) is None
    with RunStore.open(place) as store:
        run_id = store.runs()[0].run_id
    assert told("judge", "score", run_id, "--judge", "checks", "--store", str(place)) is None
    return place, run_id


@pytest.fixture
def copied(sound: tuple[Path, str], tmp_path: Path) -> tuple[Path, str]:
    return Path(shutil.copy(sound[0], tmp_path / "store.db")), sound[1]


def told(*arguments: str) -> str | None:
    """What a command was refused with; anything but a refusal goes on as the traceback that it is."""
    try:
        typer.main.get_command(build_app())(list(arguments), standalone_mode=False)
    except EpmError as error:
        return str(error)
    except SystemExit:
        return None
    return None


def commands(place: Path, run_id: str) -> Iterator[tuple[str, ...]]:
    store = ("--store", str(place))
    yield ("runs", "list", *store)
    yield ("runs", "show", run_id, *store)
    yield ("why", PAIR_ID, *store)
    yield ("export", run_id, "-o", str(place.with_name("out.jsonl")), *store)
    yield ("export", run_id, "--format", "rationales", "-o", str(place.with_name("out")), *store)
    yield ("review", "export", "-o", str(place.with_name("out.csv")), "--rater", "ann", *store)
    yield ("review", "agreement", *store)
    yield ("judge", "score", run_id, "--judge", "checks", *store)
    yield ("runs", "retry", run_id, "--failed", *store)
    yield ("data", "purge", "--listing", "no such", *store)


def refusals(place: Path, run_id: str, *, first: int | None = None) -> list[str]:
    said = [refusal for command in list(commands(place, run_id))[:first] if (refusal := told(*command)) is not None]

    assert [line for line in said if "\n" in line] == []
    return said


@pytest.mark.parametrize(("table", "column"), [*JSON_COLUMNS, *OTHER_COLUMNS])
def test_a_damaged_value_is_told_with_its_table_and_column_or_is_not_read(copied: tuple[Path, str], table: str, column: str) -> None:
    place, run_id = copied
    is_json = (table, column) in JSON_COLUMNS
    with closing(sqlite3.connect(place)) as connection:
        columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE name = ?", (table,))
        connection.commit()
    assert columns
    n_told = 0
    for value in GARBAGE if is_json else TEXT_GARBAGE:
        spoilt = place.with_name("spoilt.db")
        shutil.copy(place, spoilt)
        with closing(sqlite3.connect(spoilt)) as connection:
            expression = "CAST(? AS TEXT)" if isinstance(value, bytes) else "?"
            first = f"(SELECT min(rowid) FROM {table})"
            connection.execute(f"UPDATE {table} SET {column} = {expression} WHERE rowid = {first}", (value,))
            connection.commit()
        n_told += any(f"table {table}" in line and f"column {column}" in line for line in refusals(spoilt, run_id, first=5))

    assert n_told or column in {"created_at_s", "row_json"}


@pytest.mark.parametrize("table", TABLES)
def test_a_lost_table_is_told_and_never_made_anew_empty(copied: tuple[Path, str], table: str) -> None:
    place, run_id = copied
    with closing(sqlite3.connect(place)) as connection:
        connection.execute(f"DROP TABLE {table}")
    said = refusals(place, run_id)

    assert len(said) == len(list(commands(place, run_id)))
    assert all(table in line or "something else" in line for line in said)


@pytest.mark.parametrize("version", ["three", None, 0, 99, b"\xff"])
def test_a_wrong_schema_version_is_told(copied: tuple[Path, str], version: object) -> None:
    place, run_id = copied
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("DROP TABLE store_version")
        connection.execute("CREATE TABLE store_version (version)")
        connection.execute("INSERT INTO store_version VALUES (?)", (version,))
        connection.commit()

    assert len(refusals(place, run_id)) == len(list(commands(place, run_id)))


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00" + bytes(84)])
def test_a_file_that_is_no_database_is_refused(copied: tuple[Path, str], content: bytes) -> None:
    place, run_id = copied
    place.write_bytes(content)

    assert told("runs", "list", "--store", str(place)) is not None
    assert told("export", run_id, "-o", str(place.with_name("o.jsonl")), "--store", str(place)) is not None
    assert place.read_bytes() == content


@pytest.mark.parametrize("seed", range(SEEDS))
def test_changed_bytes_cut_ends_and_blank_pages_are_never_a_traceback(copied: tuple[Path, str], seed: int) -> None:
    place, run_id = copied
    rng = random.Random(seed)
    content = bytearray(place.read_bytes())
    kind = seed % 5
    if kind == 0:
        del content[rng.randrange(100, len(content)) :]
    elif kind == 1:
        start = rng.randrange(0, len(content) // 4096) * 4096
        content[start : start + 4096] = bytes(4096)
    elif kind == 2:
        content[rng.randrange(100)] = rng.randrange(256)
    else:
        for _ in range(1 if kind == 3 else 200):
            content[rng.randrange(len(content))] = rng.randrange(256)
    place.write_bytes(content)
    refusals(place, run_id)


def test_one_damaged_run_hides_no_other(copied: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    place, run_id = copied
    with closing(sqlite3.connect(place)) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
        chosen = ", ".join({"run_id": "'spoilt'", "status": "'cooked'"}.get(name, name) for name in names)
        connection.execute(f"INSERT INTO runs SELECT {chosen} FROM runs")
        connection.commit()
    assert told("runs", "list", "--store", str(place)) is None
    shown = capsys.readouterr()

    assert run_id in shown.out
    assert "spoilt" not in shown.out
    assert "run_id='spoilt'" in shown.err


def test_reading_changes_nothing_and_leaves_nothing_behind(copied: tuple[Path, str]) -> None:
    place, run_id = copied
    before, names = place.read_bytes(), set(place.parent.iterdir())
    for command in list(commands(place, run_id))[:3]:
        assert told(*command) is None

    assert place.read_bytes() == before
    assert set(place.parent.iterdir()) == names


def test_an_older_store_is_read_as_it_is(copied: tuple[Path, str]) -> None:
    place, run_id = copied
    with closing(sqlite3.connect(place)) as connection:
        for column in ("host", "sent"):
            connection.execute(f"ALTER TABLE calls DROP COLUMN {column}")
        for table in ("waiting", "reviews", "budgets"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE store_version SET version = 1")
        connection.commit()
    before = place.read_bytes()
    with RunStore.open_to_read(place) as store:
        summary = store.run_summary(run_id)
        n_items = len(list(store.items(run_id)))

    assert (summary.n_done, n_items) == (6, 6)
    assert place.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "fork") or os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("with_log", [False, True])
def test_a_user_who_may_write_nothing_reads_the_store(copied: tuple[Path, str], with_log: bool) -> None:
    place, run_id = copied
    shelf = Path("/tmp") / f"epm-read-only-{os.getpid()}"  # noqa: S108  # pytest's own folders are closed to other users
    shelf.mkdir()
    try:
        moved = Path(shutil.copy(place, shelf / "store.db"))
        writer = sqlite3.connect(moved)
        if with_log:
            writer.execute("PRAGMA journal_mode=WAL")
            writer.execute("UPDATE runs SET model = 'after'")
            writer.commit()
        else:
            writer.close()
        for path in (*shelf.iterdir(), shelf):
            path.chmod(0o555 if path.is_dir() else 0o444)
        names = set(shelf.iterdir())
        child = os.fork()
        if child == 0:
            os._exit(_read_as_nobody(moved, run_id, model="after" if with_log else "rules"))
        _, status = os.waitpid(child, 0)
        writer.close()

        assert os.waitstatus_to_exitcode(status) == 0
        assert with_log or set(shelf.iterdir()) == names
    finally:
        shelf.chmod(0o755)
        shutil.rmtree(shelf)


def _read_as_nobody(place: Path, run_id: str, *, model: str) -> int:
    os.setgid(65534)
    os.setuid(65534)
    try:
        with RunStore.open_to_read(place) as store:
            is_read = store.run(run_id).spec.model == model and len(list(store.items(run_id))) == 6
            try:
                store.finish_run(run_id, "done")
            except StoreError as error:
                return 0 if is_read and "read only" in str(error) else 2
    except BaseException:  # noqa: BLE001  # the child must end here, whatever it met
        return 1
    return 3
