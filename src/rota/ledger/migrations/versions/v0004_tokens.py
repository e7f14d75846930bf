"""Tokens, of which only the hash is kept, and the keys that sign sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", _words, primary_key=True, nullable=False),
        sa.Column("name", _words, nullable=False),
        sa.Column("right", _words, nullable=False),
        sa.Column("digest", _words, nullable=False),
        sa.Column("once", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("spent_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.CheckConstraint("\"right\" IN ('read', 'operate', 'admin')", name="known_right"),
    )
    op.create_index(
        "token_of_name",
        "tokens",
        ["name"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL AND once = 0"),
        postgresql_where=sa.text("revoked_at IS NULL AND NOT once"),
    )
    op.create_table(
        "keys",
        sa.Column("name", _words, primary_key=True, nullable=False),
        sa.Column("value", _words, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what a newer rota wrote, an older cannot read.")
