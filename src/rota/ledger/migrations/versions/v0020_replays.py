"""Replays: runs that do an occurrence again, or a past one, with their number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_is_replay = sa.text("replay_time IS NOT NULL")


def upgrade() -> None:
    op.add_column("runs", sa.Column("replay", sa.Integer()))
    op.add_column("runs", sa.Column("replay_time", sa.BigInteger()))
    op.create_index(
        "one_run_per_replay",
        "runs",
        ["task_id", "replay_time", "replay"],
        unique=True,
        sqlite_where=_is_replay,
        postgresql_where=_is_replay,
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what a newer rota wrote, an older cannot read.")
