# names of chromadb's own tables
"""A damaged, locked or full knowledge index is one line that names it and says what to do; never a traceback, never a dead process."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from epm.cli.app import main
from epm.errors import ArtifactError
from epm.knowledge.embedder import make_embedder
from epm.knowledge.index import KnowledgeEntry

chroma = pytest.importorskip("epm.knowledge.chroma_store.chroma_index")
soundness = pytest.importorskip("epm.knowledge.chroma_store.soundness")

Damage = Callable[[Path], object]


def sql(order: str) -> Damage:
    def change(database: Path) -> None:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute(order)
            connection.commit()

    return change


def some_bytes(database: Path) -> None:
    content, chance = bytearray(database.read_bytes()), random.Random(1)
    for _ in range(3000):
        content[chance.randrange(len(content))] = chance.randrange(256)
    database.write_bytes(content)


DAMAGES: dict[str, Damage] = {
    "empty": lambda database: database.write_bytes(b""),
    "half of it": lambda database: os.truncate(database, database.stat().st_size // 2),
    "no database": lambda database: database.write_bytes(b"no database " * 1000),
    "changed bytes": some_bytes,
    **{
        f"no {table}": sql(f"DROP TABLE {table}")
        for table in ("embeddings", "collections", "segments", "embedding_metadata", "embeddings_queue")
    },
    "a vector cut": sql("UPDATE embeddings_queue SET vector = substr(vector, 1, 7)"),
    "a row without provenance": sql("DELETE FROM embedding_metadata WHERE key = 'provenance'"),
    "a row with broken JSON": sql("UPDATE embedding_metadata SET string_value = '{' WHERE key = 'pair_ids'"),
}


SEEN_BY_A_CHILD = ("no database", "no embeddings", "changed bytes")
"""The others are marked as sound after the damage, so that the process itself meets it; a child takes seconds."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store's folder with an index of thirty entries."""
    folder = tmp_path_factory.mktemp("sound")
    with index_in(folder) as index:
        index.add([KnowledgeEntry(f"d{i}", "document", f"Kolvra KX-{i} holds {i} l", "notes.txt") for i in range(30)])
    return folder


def index_in(folder: Path):  # its class may not be installed
    return chroma.ChromaIndex(folder / ".epm" / "knowledge" / "hash-ngram-3-5-v1-d512", make_embedder("hash"))


def database_of(folder: Path) -> Path:
    return next(folder.rglob("chroma.sqlite3"))


@pytest.fixture
def copied(sound: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sound, tmp_path / "copy")


def said(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *command: str) -> str:
    """The one line of a refused command."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["epm", *command])
    with pytest.raises(SystemExit) as end:
        main()
    shown = capfd.readouterr()

    assert end.value.code == 2, shown
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1, shown.err
    return shown.err


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_one_line_with_the_way_to_rebuild(
    name: str, copied: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    DAMAGES[name](database_of(copied))
    if name not in SEEN_BY_A_CHILD:
        soundness.mark_sound(database_of(copied).parent)
    line = said(copied, monkeypatch, capfd, "knowledge", "list")

    assert "the knowledge index '.epm/knowledge/hash-ngram-3-5-v1-d512' cannot be used" in line
    assert "rebuild it" in line
    soundness.mark_sound(database_of(copied).parent)
    with pytest.raises(ArtifactError, match="rebuild it"):
        index_in(copied)


def test_an_index_that_ends_the_process_that_opens_it_ends_a_child(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killer = f"import os, signal; os.kill(os.getpid(), {int(signal.SIGABRT)})"
    (copied / "sitecustomize.py").write_text(f"import sys\nif sys.argv[0] == '-c': {killer}\n")  # as Rust's abort does
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(copied), *filter(None, [os.environ.get("PYTHONPATH")])]))
    os.utime(database_of(copied))

    with pytest.raises(ArtifactError, match="ended a process with status -6; rebuild it"):
        index_in(copied)


def test_an_index_as_it_was_left_costs_no_child(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index_in(copied).close()  # a copy has other times
    monkeypatch.setattr(sys, "executable", "/no such interpreter")

    with index_in(copied) as index:
        assert index.count() == 30


def test_a_locked_index_says_wait(copied: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    index_in(copied).close()
    monkeypatch.setattr(soundness, "_LOCK_WAIT_S", 0.1)
    with closing(sqlite3.connect(database_of(copied), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        line = said(copied, monkeypatch, capfd, "knowledge", "list")

    assert "another program holds it: wait until that has ended" in line


def test_a_full_disk_says_make_room(copied: Path) -> None:
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\nsys.path.insert(0, sys.argv[2])\n"
        "from epm.knowledge.chroma_store.chroma_index import ChromaIndex\nfrom epm.knowledge.embedder import make_embedder\n"
        "from epm.knowledge.index import KnowledgeEntry\nfrom epm.errors import ArtifactError\n"
        "index = ChromaIndex(Path(sys.argv[1]), make_embedder('hash'))\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({database_of(copied).stat().st_size},) * 2)\n"
        "try:\n    index.add([KnowledgeEntry(f'n{i}', 'document', 'x' * 900, 'n') for i in range(2000)])\n"
        "except ArtifactError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(database_of(copied).parent), ""], check=False, capture_output=True, text=True, timeout=60
    )

    assert "make room on its disk, then repeat" in done.stdout, done
