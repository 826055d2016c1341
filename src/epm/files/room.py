"""Room on a disk, looked at before long work whose result would not fit."""

from __future__ import annotations

import shutil
from pathlib import Path

from epm.errors import ArtifactError

_MB = 1_000_000


def require_room(folder: Path, n_bytes: int, *, purpose: str) -> None:
    """Nothing, when the disk of the folder, which need not exist yet, has so many bytes left for it.

    Raises:
        ArtifactError: it has fewer, or nobody can say.
    """
    place = folder.absolute()
    standing = next(one for one in (place, *place.parents) if one.exists())
    try:
        n_free = shutil.disk_usage(standing).free
    except OSError as error:
        raise ArtifactError(f"cannot look at the disk of {str(folder)!r}: {error.strerror or error}; choose another folder") from error
    if n_free < n_bytes:
        msg = (
            f"{purpose} needs {n_bytes / _MB:,.0f} MB in {str(folder)!r}, and its disk has {n_free / _MB:,.0f} MB left: "
            "make room or choose another folder; nothing was trained"
        )
        raise ArtifactError(msg)
