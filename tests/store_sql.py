"""Statements on a store past epm, wherever it is: what an older epm left, or another program did."""

from __future__ import annotations

from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from epm.store.place import StorePlace
from epm.store.server import server_engine


def engine_of(address: str) -> Engine:
    """An engine that knows nothing of how a store is written."""
    place = StorePlace.of(address)
    if place.path is not None:
        return create_engine(URL.create("sqlite", database=str(place.path)), poolclass=NullPool)
    return server_engine(place, lock_timeout_s=10.0, is_pooled=False)


def run_sql(address: str, *statements: str) -> list[tuple[object, ...]]:
    """Commit all of the statements; what the last one finds."""
    found: list[tuple[object, ...]] = []
    with engine_of(address).begin() as connection:
        for statement in statements:
            result = connection.execute(text(statement))
            found = [tuple(row) for row in result] if result.returns_rows else []
    return found
