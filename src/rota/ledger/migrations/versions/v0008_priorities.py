"""Waiting runs are found by their priority first, then by their time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_waiting = sa.text("state IN ('queued', 'scheduled')")


def upgrade() -> None:
    op.create_index(
        "waiting_by_priority",
        "runs",
        ["priority", "available_at"],
        sqlite_where=_waiting,
        postgresql_where=_waiting,
    )
    op.drop_index("waiting_by_time", "runs")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what a newer rota wrote, an older cannot read.")
