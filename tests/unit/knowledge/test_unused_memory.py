"""What a process's memory held does not stand in the files of an index."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from epm.knowledge.chroma_store.unused_memory import blank_unused

INDEX = """
import sys
from pathlib import Path
from epm.knowledge.catalogue import default_index
from epm.knowledge.index import KnowledgeEntry
index = default_index(Path(sys.argv[1]), "hash")
index.add([KnowledgeEntry(id="a", kind="document", text="kettle", provenance="t", created_at_s=1.0)])
index.close()
"""
OLD_MEMORY = 0x5A
"""Filled into all memory that the C library gives out, by MALLOC_PERTURB_."""


def graph(folder: Path, *, version: int = 1, n_room: int = 4, n_entries: int = 1) -> Path:
    segment = folder / "segment"
    segment.mkdir()
    (segment / "header.bin").write_bytes(struct.pack("<i4Q", version, 0, n_room, n_entries, 8) + b"rest")
    (segment / "data_level0.bin").write_bytes(b"x" * 32)
    return segment / "data_level0.bin"


def test_room_becomes_zeros_and_entries_stay(tmp_path: Path) -> None:
    data = graph(tmp_path)
    blank_unused(tmp_path)
    assert data.read_bytes() == b"x" * 8 + bytes(24)


@pytest.mark.parametrize("other", [{"version": 2}, {"n_room": 0, "n_entries": 0}, {"n_room": 5}, {"n_entries": 5}])
def test_a_layout_that_is_not_known_is_left_alone(tmp_path: Path, other: dict[str, int]) -> None:
    data = graph(tmp_path, **other)
    blank_unused(tmp_path)
    assert data.read_bytes() == b"x" * 32


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="MALLOC_PERTURB_ is glibc's")
def test_no_memory_stands_in_a_closed_index(tmp_path: Path) -> None:
    pytest.importorskip("chromadb")
    environment = {**os.environ, "MALLOC_PERTURB_": str(255 - OLD_MEMORY)}
    subprocess.run([sys.executable, "-c", INDEX, str(tmp_path)], check=True, capture_output=True, timeout=120, env=environment)
    graphs = list(tmp_path.rglob("data_level0.bin"))
    assert graphs
    assert all(bytes([OLD_MEMORY] * 64) not in path.read_bytes() for path in graphs)
