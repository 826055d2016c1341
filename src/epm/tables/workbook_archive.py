"""The zip archive of a workbook, read once to its end before anything in it is believed.

openpyxl stops reading where it has what it wants, so a checksum that fails behind that place would never be seen; and it
holds every shared text in memory.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from epm.errors import DataError
from epm.files.bounds import current_bounds, unpacked_bound, unpacks_too_far

_BLOCK_BYTES = 1 << 20
_OVERLAP_BYTES = 64
_MAX_HELD_BYTES = 128 << 20
"""Of parts that openpyxl holds whole, shared texts and styles: as Python objects they take some five times as much."""
_NO_VALUE = re.compile(rb"(?:</f>|<f[^<>]*/>)\s*(?:<v\s*/>|<v>\s*</v>|</c>)")
_MARKUP = (b"<!DOCTYPE", b"<!ENTITY")
_FORBIDDEN = tuple(mark.decode().encode(code) for mark in _MARKUP for code in ("utf-8", "utf-16-le", "utf-16-be"))
"""No workbook declares entities; a file that does wants them multiplied or fetched."""


def lacks_values(path: Path) -> bool:
    """True if a sheet has a formula without a value, as programs write it that do not compute.

    Raises:
        DataError: the archive unpacks too far, or declares entities.
        BadZipFile: it is damaged; so with whatever else ``zipfile`` raises.
    """
    about = path.stat()
    return _looked_through(path, about.st_mtime_ns, about.st_size, current_bounds().max_unpacked_bytes)


@lru_cache(maxsize=16)
def _looked_through(path: Path, _mtime_ns: int, n_packed: int, asked_bytes: int | None) -> bool:
    with ZipFile(path) as archive:
        parts = archive.infolist()
        _refuse_swollen(path, parts, n_packed, asked_bytes)
        lacking = [_lacks_values(path, archive, part) for part in parts]  # all of them: every part is read to its end
        return any(lacking)


def _refuse_swollen(path: Path, parts: list[ZipInfo], n_packed: int, asked_bytes: int | None) -> None:
    # zipfile reads no further than these sizes say, and finds the checksum wrong where they lie
    n_unpacked = sum(part.file_size for part in parts)
    bound = unpacked_bound(n_packed, is_parsed=True)
    if n_unpacked > bound:
        raise unpacks_too_far(path, n_unpacked, bound)
    held = sum(part.file_size for part in parts if part.filename.endswith(".xml") and not _is_sheet(part))
    held_bound = asked_bytes or _MAX_HELD_BYTES
    if held > held_bound:
        raise unpacks_too_far(path, held, held_bound)


def _is_sheet(part: ZipInfo) -> bool:
    return part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml")


def _lacks_values(path: Path, archive: ZipFile, part: ZipInfo) -> bool:
    is_xml = part.filename.endswith((".xml", ".rels", ".vml"))
    is_found, kept = False, b""
    with archive.open(part) as stream:
        while block := stream.read(_BLOCK_BYTES):
            seen = kept + block
            if is_xml and any(mark in seen for mark in _FORBIDDEN):
                raise DataError(f"{str(path)!r}: {part.filename!r} declares entities, which no workbook needs; save it again as .xlsx")
            is_found = is_found or (_is_sheet(part) and _NO_VALUE.search(seen) is not None)
            kept = block[-_OVERLAP_BYTES:]
    return is_found
