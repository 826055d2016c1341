"""The version, the default places and limits, and the search for ``epm.toml``.

The environment is written here and in ``library_settings.py`` alone; secrets are read where they are used.
"""

from __future__ import annotations

import os
from pathlib import Path

from epm.errors import ConfigError

__version__ = "0.1.0"

DEFAULT_STORE = Path(".epm") / "store.db"
CONFIG_FILE = "epm.toml"
DEFAULT_CONCURRENCY = 64
"""Most calls in flight unless told otherwise: how many the server takes is found out."""
DEFAULT_TIMEOUT_S = 60.0
"""One attempt at one call."""
DEFAULT_REPLY_TOKENS = 1500
"""Most tokens of one reply: what the longest rationale takes, and room."""
DEFAULT_ITEM_TIMEOUT_S = 1800.0
"""All calls, waits and repairs of one item: half an hour leaves room for a slow account, and is still an end."""


def config_file(folder: Path) -> Path | None:
    """The configuration that counts in a folder: the nearest ``epm.toml``, its own or that of a folder above it.

    The search ends at the home folder, or at the root for folders outside of it; files further up do not count.

    Raises:
        ConfigError: a folder on the way may not be looked into, so that no one knows which rules hold.
    """
    home = Path(os.path.expanduser("~")).resolve()  # noqa: PTH111  # Path.home() fails where there is none
    start = folder.resolve()
    for place in (start, *start.parents):
        path = place / CONFIG_FILE
        try:
            if path.is_file():
                return path
        except OSError as error:
            raise ConfigError(f"cannot tell whether {str(path)!r} is there: {error}; make its folder readable") from error
        if place == home:
            break
    return None


def stay_offline() -> None:
    """Forbid the model hub for this process; the demonstration and the tests use packaged and local models alone."""
    os.environ["HF_HUB_OFFLINE"] = "1"
