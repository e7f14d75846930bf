"""The priority of a run, and when it was last given to a distributed engine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "runs", sa.Column("priority", sa.Integer, nullable=False, server_default=sa.text("0"))
    )
    op.add_column("runs", sa.Column("published_at", sa.BigInteger))
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "unpublished_by_time",
            "runs",
            ["available_at"],
            postgresql_where=sa.text(
                "(state = 'queued' OR state = 'scheduled') AND published_at IS NULL"
            ),
        )
