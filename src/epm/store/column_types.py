"""Column types that mean the same on SQLite and on PostgreSQL.

Left alone, PostgreSQL sorts text by the language of its database, cuts whole numbers at 2**31 and refuses a text that is
longer than its column says; SQLite sorts by code points, counts to 2**63 and lets any length in.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

BY_CODE_POINT = "C"
"""The collation that every PostgreSQL has, whatever languages were installed."""

Text: TypeEngine[str] = sa.Text().with_variant(sa.Text(collation=BY_CODE_POINT), "postgresql")
Integer: TypeEngine[int] = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def String(length: int) -> TypeEngine[str]:  # noqa: N802  # stands in the schema for the type of that name
    """A text of about that length."""
    return sa.String(length).with_variant(sa.Text(collation=BY_CODE_POINT), "postgresql")
