"""Chains: which upstream runs named a run, and the tasks that run after others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_is_after = sa.text("\"trigger\" = 'after'")
_by_run = sa.text("upstream IS NOT NULL AND fire_time IS NULL")


def upgrade() -> None:
    op.add_column("runs", sa.Column("upstream", _words))
    op.create_index(
        "tasks_after", "tasks", ["id"], sqlite_where=_is_after, postgresql_where=_is_after
    )
    op.create_index(
        "one_run_per_upstream_run",
        "runs",
        ["task_id", "upstream"],
        unique=True,
        sqlite_where=_by_run,
        postgresql_where=_by_run,
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what a newer rota wrote, an older cannot read.")
