"""Zeros in the place of memory that hnswlib writes to disk beside its entries.

The graph's files have room for entries that are not there yet, and hnswlib writes that room as it was allocated: with
whatever the process's memory held before, which may be a listing that was since forgotten. The layout is that of hnswlib
0.8 as chromadb builds it; a header that does not fit it leaves the files alone.
"""

from __future__ import annotations

import struct
from pathlib import Path

_HEADER = struct.Struct("<i4Q")
"""Version, offset of the lowest layer, room for entries, entries, bytes of an entry."""
_VERSION = 1
_ROOMY = ("data_level0.bin", "length.bin")
"""The files that hold room for entries, an equal number of bytes for each."""


def blank_unused(index: Path) -> None:
    """Every graph below an index's folder holds zeros where it has room for entries.

    Raises:
        OSError: a file cannot be read or written.
    """
    for header in sorted(index.glob("*/header.bin")):
        n_room, n_entries = _counts(header.read_bytes())
        for path in (header.with_name(name) for name in _ROOMY):
            if n_room and path.is_file():
                _blank_tail(path, n_room, n_entries)


def _counts(header: bytes) -> tuple[int, int]:
    """Room and entries of a graph; no room where the header is not the known one."""
    if len(header) < _HEADER.size:
        return 0, 0
    version, _, n_room, n_entries, _ = _HEADER.unpack_from(header)
    return (n_room, n_entries) if version == _VERSION and n_entries <= n_room else (0, 0)


def _blank_tail(path: Path, n_room: int, n_entries: int) -> None:
    n_bytes = path.stat().st_size
    if n_bytes % n_room:
        return
    start = n_bytes // n_room * n_entries
    with path.open("r+b") as file:
        file.seek(start)
        file.write(bytes(n_bytes - start))
