"""Maintenance windows that were opened manually."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "windows",
        sa.Column("id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger()),
        sa.Column("action", _words, nullable=False),
        sa.Column("everyone", sa.Boolean(), nullable=False),
        sa.Column("tags", _words, nullable=False),
        sa.Column("tasks", _words, nullable=False),
        sa.Column("reason", _words, nullable=False),
        sa.Column("author", _words, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what a newer rota wrote, an older cannot read.")
