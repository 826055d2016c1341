"""Writing the mapping of an inspection without losing one that people have edited."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from epm.errors import DataError
from epm.files.atomic import write_text
from epm.tables.inspection import Inspection
from epm.tables.listing_inspection import ListingInspection
from epm.tables.mapping_text import mapping_text


def write_mapping(path: Path, found: Inspection | ListingInspection) -> Path | None:
    """Write the mapping; an older file with other content is renamed first, and its new path returned.

    Raises:
        DataError: the file cannot be written or renamed.
    """
    if isinstance(found, ListingInspection):
        text = mapping_text(found.mapping)
    else:
        text = mapping_text(found.mapping, unmapped=found.unmapped, open_labels=found.open_labels)
    kept = None
    try:
        if path.is_file() and path.read_bytes() != text.encode("utf-8"):
            kept = next(free for i in count(1) if not (free := path.with_name(f"{path.name}.{i}")).exists())
            path.rename(kept)
    except OSError as error:
        raise DataError(f"cannot keep the earlier {str(path)!r} ({error.strerror}); choose another name with -o") from error
    write_text(path, text)
    return kept
