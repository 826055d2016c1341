"""Who has a knowledge index open: any number of commands search it and add to it; whoever writes it anew must be alone.

The lock is the file system's, on the folder that the index stands in: it ends with its process, however that ends. Where the
system has no such locks (Windows), nobody is stopped.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from epm.errors import ConfigError

if sys.platform != "win32":
    import fcntl


class Held:
    """The index is in use while this object lives, or until it is closed; to make one waits for whoever writes it anew."""

    def __init__(self, index: Path) -> None:
        """Take the index into use.

        Raises:
            OSError: its folder cannot be made or opened.
        """
        self._descriptor: int | None = None
        index.parent.mkdir(parents=True, exist_ok=True)
        if sys.platform != "win32":
            self._descriptor = os.open(index.parent, os.O_RDONLY)
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """End the use; again does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def alone(index: Path) -> Iterator[None]:
    """Inside, no other command has the index open.

    Raises:
        ConfigError: one has.
    """
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(index.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ConfigError(
            f"the knowledge index {str(index)!r} is at work in another command, and text cannot be taken out from under it: "
            "wait until that has ended, then repeat"
        ) from error
    finally:
        os.close(descriptor)
