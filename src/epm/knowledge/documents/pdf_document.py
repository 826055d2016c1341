"""The text of a PDF, page by page.

What stands in it is data like all text of others. Reading is bounded: pages, characters (``epm --max-cell-kb``), and pypdf's own
bounds on what a packed stream may unpack to. Pictures are not read: a scanned page has no text.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from epm.errors import DataError
from epm.files.bounds import current_bounds, long_cell

if TYPE_CHECKING:
    from pypdf import PdfReader

MAX_PAGES = 2_000
"""Beyond the longest service manual; a page of text takes some 20 ms."""
MAX_BYTES = 256 << 20
"""Manuals full of pictures take tens of megabytes; the whole file is held in memory."""


def pdf_pages(path: Path) -> list[str]:
    """The text of each page, in order; empty where a page has none.

    Raises:
        DataError: the file is encrypted, damaged, too large, or holds no text at all.
    """
    n_bytes = path.stat().st_size
    if n_bytes > MAX_BYTES:
        raise DataError(f"{str(path)!r} takes {n_bytes >> 20:,} MB, but at most {MAX_BYTES >> 20} are read of a PDF; split it up")
    with _damage_named(path):
        pages = list(_pages(path))
    if not any(page.strip() for page in pages):
        raise DataError(f"{str(path)!r} holds no text on {len(pages)} pages (scanned pictures?); add its text as .txt")
    return pages


def _pages(path: Path) -> Iterator[str]:
    from pypdf import PdfReader

    with path.open("rb") as file:
        reader = PdfReader(file)
        if reader.is_encrypted and not _opens_without_password(reader):
            raise DataError(f"{str(path)!r} is encrypted; save it without a password, then repeat")
        if len(reader.pages) > MAX_PAGES:
            raise DataError(f"{str(path)!r} has {len(reader.pages):,} pages, but at most {MAX_PAGES:,} are read; split it up")
        n_chars = 0
        for number, page in enumerate(reader.pages, start=1):
            text = page.extract_text().replace("\0", "")
            n_chars += len(text)
            if n_chars > current_bounds().max_cell_chars:
                raise DataError(f"{str(path)!r}, up to page {number}, {long_cell(n_chars)}")
            yield text


def _opens_without_password(reader: PdfReader) -> bool:
    """True for a file that only forbids printing or copying: its password is empty."""
    from pypdf.errors import DependencyError

    try:
        return bool(reader.decrypt(""))
    except DependencyError:  # AES needs a further library; whoever can open the file can save it without
        return False


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Whatever pypdf stumbles over in a damaged file is one error with the file's name; its warnings are silent."""
    logger = logging.getLogger("pypdf")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}; give the path of a readable file") from error
    except Exception as error:
        said = " ".join(str(error).split())[:120]
        raise DataError(f"{str(path)!r} is no PDF that can be read ({type(error).__name__}: {said}); open it and save it again") from error
    finally:
        logger.setLevel(before)
