"""Jobs: idempotency keys, options of one run, and runs that overlap by their arguments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_waits_apart = sa.text("overlap_key IS NOT NULL AND state IN ('queued', 'scheduled')")


def upgrade() -> None:
    op.add_column("runs", sa.Column("key", _words))
    op.add_column("runs", sa.Column("options", _words))
    op.add_column("runs", sa.Column("overlap_key", _words))
    op.create_table(
        "run_keys",
        sa.Column("task_id", _words, nullable=False),
        sa.Column("key", _words, nullable=False),
        sa.Column("run_id", _words, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("task_id", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "waiting_by_overlap_key",
        "runs",
        ["task_id", "overlap_key", "available_at", "id"],
        sqlite_where=_waits_apart,
        postgresql_where=_waits_apart,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("one_exclusive_run_of_task", "runs")
        op.create_index(
            "one_exclusive_run_of_task",
            "runs",
            ["task_id", sa.text("coalesce(overlap_key, '')")],
            unique=True,
            postgresql_where=sa.text("state = 'running' AND exclusive"),
        )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what a newer rota wrote, an older cannot read.")
