"""An occurrence may wait until it is known whether the run that blocks it is still in progress."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_undecided = sa.text("awaits IS NOT NULL AND state IN ('queued', 'scheduled')")


def upgrade() -> None:
    op.add_column("runs", sa.Column("awaits", _words))
    op.create_index(
        "undecided_of_task",
        "runs",
        ["task_id", "id"],
        sqlite_where=_undecided,
        postgresql_where=_undecided,
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what a newer rota wrote, an older cannot read.")
