"""Reading a store on a server without a change to it: as the store of an older epm stands, what it lacks is empty.

As with a file (:mod:`epm.store.read_only`) columns and tables that it lacks are temporary views of the connection.
"""

from __future__ import annotations

from typing import cast

from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import DBAPIConnection

from epm.store.schema import metadata

_COLUMNS = "SELECT table_name, column_name, table_schema FROM information_schema.columns WHERE table_schema = current_schema()"


def read_as_it_stands(connection: DBAPIConnection) -> None:
    """From now on the connection reads every table of today and can write none."""
    cursor = connection.cursor()
    cursor.execute(_COLUMNS)
    rows = cast("list[tuple[str, str, str]]", cursor.fetchall())
    present: dict[str, set[str]] = {}
    for table, column, _ in rows:
        present.setdefault(table, set()).add(column)
    if "store_version" in present:  # else it is no store: whoever opens it says so
        for statement in _views(present, schema=rows[0][2]):
            cursor.execute(statement)
    cursor.execute("SET default_transaction_read_only = on")
    cursor.close()


def _views(present: dict[str, set[str]], *, schema: str) -> list[str]:
    dialect, statements = postgresql.dialect(), []  # type: ignore[no-untyped-call]  # the library's own
    for table in metadata.sorted_tables:
        known = present.get(table.name, set())
        empty = ", ".join(
            f'NULL::{column.type.compile(dialect)} AS "{column.name}"' for column in table.columns if column.name not in known
        )
        if not empty:
            continue
        source = f'SELECT *, {empty} FROM "{schema}"."{table.name}"' if known else f"SELECT {empty} WHERE false"  # noqa: S608  # our own names
        statements.append(f'CREATE TEMPORARY VIEW "{table.name}" AS {source}')
    return statements
