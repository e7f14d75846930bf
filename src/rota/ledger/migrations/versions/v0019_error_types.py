"""The type of the exception that ended a failed run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("runs", sa.Column("error_type", _words))


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what a newer rota wrote, an older cannot read.")
