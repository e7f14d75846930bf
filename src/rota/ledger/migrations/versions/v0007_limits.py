"""Limits over all nodes: groups of tasks, and how full each limit is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_in_a_group = sa.text("limit_group IS NOT NULL")


def upgrade() -> None:
    op.add_column("tasks", sa.Column("limit_group", _words))
    op.create_index(
        "tasks_of_group",
        "tasks",
        ["limit_group"],
        sqlite_where=_in_a_group,
        postgresql_where=_in_a_group,
    )
    op.create_table(
        "limits",
        sa.Column("name", _words, nullable=False),
        sa.Column("full_until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what a newer rota wrote, an older cannot read.")
