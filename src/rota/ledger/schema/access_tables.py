"""The tables of tokens and sessions."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Table

from rota.ledger.schema.tables import Words, metadata

tokens = Table(
    "tokens",
    metadata,
    Column("id", Words, primary_key=True, nullable=False),
    Column("name", Words, nullable=False),
    Column("right", Words, nullable=False),
    Column("digest", Words, nullable=False),
    Column("once", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("spent_at", BigInteger),
    Column("revoked_at", BigInteger),
    CheckConstraint("\"right\" IN ('read', 'operate', 'admin')", name="known_right"),
)

keys = Table(
    "keys",
    metadata,
    Column("name", Words, primary_key=True, nullable=False),
    Column("value", Words, nullable=False),
    sqlite_with_rowid=False,
)
"""The keys with which nodes of the release before sign the sessions of their pages; this release
accepts no such session.
"""

sessions = Table(
    "sessions",
    metadata,
    Column("digest", Words, primary_key=True, nullable=False),
    Column("token_id", Words, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The sessions of signed-in browsers; of the secret in a cookie, only the hash is kept."""
