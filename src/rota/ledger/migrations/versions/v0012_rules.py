"""The rules that a task had over time, so that its rows can be verified."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("tasks", sa.Column("dst", _words))
    op.add_column("tasks", sa.Column("rule_since", sa.BigInteger()))
    op.add_column("tasks", sa.Column("rule_revision", sa.Integer()))
    op.create_table(
        "rules",
        sa.Column("task_id", _words, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("trigger", _words, nullable=False),
        sa.Column("trigger_args", _words, nullable=False),
        sa.Column("timezone", _words, nullable=False),
        sa.Column("dst", _words),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("edits", _words, nullable=False),
        sa.Column("anchor", sa.BigInteger(), nullable=False),
        sa.Column("planned_until", sa.BigInteger(), nullable=False),
        sa.Column("paused_since", sa.BigInteger()),
        sa.Column("paused_until", sa.BigInteger()),
        sa.Column("removed_at", sa.BigInteger()),
        sa.Column("skipped", _words),
        sa.PrimaryKeyConstraint("task_id", "revision"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "marks",
        sa.Column("name", _words, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger()),
        sa.Column("value", _words),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what a newer rota wrote, an older cannot read.")
