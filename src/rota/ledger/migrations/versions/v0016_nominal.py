"""The instant that a rule names for an occurrence that a calendar moved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("nominal_time", sa.BigInteger()))


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what a newer rota wrote, an older cannot read.")
