"""The content of a gzip file, refused when it unpacks far beyond what honest files do."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from epm.files.bounds import unpacked_bound, unpacks_too_far

GZIP_MARK = b"\x1f\x8b"
_BUFFER_BYTES = 1 << 17


@contextmanager
def unpacked(path: Path, packed: BinaryIO) -> Iterator[BinaryIO]:
    """The unpacked content of an open gzip file.

    Raises:
        DataError: while reading, where it unpacks beyond its bound; damage is raised as ``gzip`` raises it.
    """
    n_packed = os.fstat(packed.fileno()).st_size
    if n_packed == 0:
        raise EOFError("it is empty")  # Python's gzip takes that for a file of nothing
    bound = unpacked_bound(n_packed)
    with gzip.open(packed) as content:
        raw = _Counted(path, cast("BinaryIO", content), bound)
        with io.BufferedReader(raw, _BUFFER_BYTES) as stream:
            yield cast("BinaryIO", stream)


class _Counted(io.RawIOBase):
    """A stream that counts what was read of it."""

    def __init__(self, path: Path, content: BinaryIO, bound: int) -> None:
        super().__init__()
        self._path = path
        self._content = content
        self._bound = bound
        self._n_read = 0

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # RawIOBase takes any buffer
        """Fill the buffer and count it."""
        block = self._content.read(len(buffer))
        buffer[: len(block)] = block
        self._n_read += len(block)
        if self._n_read > self._bound:
            raise unpacks_too_far(self._path, self._n_read, self._bound)
        return len(block)
