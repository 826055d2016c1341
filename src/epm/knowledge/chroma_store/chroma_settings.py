"""The settings of the index: constants of ours alone, and the import of chromadb, which must come after this module's.

chromadb's own ``Settings`` reads the environment and a ``.env`` in the current folder, for the first time while chromadb is
imported. By these it would export traces over gRPC, load other classes, become a client of a server elsewhere, or fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel
from pydantic_settings import BaseSettings


def _from_arguments(settings: BaseSettings, **values: object) -> None:
    """Make settings of defaults and arguments: environment and files are not even read."""
    BaseModel.__init__(settings, **values)


@contextmanager
def _without_environment() -> Iterator[None]:
    """Settings made inside the block are those of their defaults: for the ones that chromadb makes while it is imported."""
    before = BaseSettings.__init__
    BaseSettings.__init__ = _from_arguments  # type: ignore[method-assign,assignment]  # nothing else reaches its defaults
    try:
        yield
    finally:
        BaseSettings.__init__ = before  # type: ignore[method-assign]


with _without_environment():
    from chromadb.config import Settings


class OwnSettings(Settings):
    """chromadb's settings with its own defaults, of which only arguments change one."""

    __init__ = _from_arguments  # the same, without the sources


def own_settings() -> Settings:
    """Settings of a local index without telemetry, whatever the environment says."""
    settings: Settings = OwnSettings(anonymized_telemetry=False)
    return settings
