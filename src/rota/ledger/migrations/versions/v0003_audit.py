"""The audit, which triggers keep as it was written, and two indexes for the lists of runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_YEAR = 365 * 86_400 * 1_000_000  # in microseconds
_TOO_OLD = f"(SELECT max(at) FROM audit) - {_YEAR}"

_INDEXES = (
    ("by_hand", ["cause", "id"], "cause != 'schedule'"),
    ("made_late", ["id"], "created_at - fire_time > 3600000000"),
)
_SQLITE = (
    "CREATE TRIGGER audit_keeps_words BEFORE UPDATE ON audit"
    " BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
    "CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit"
    f" WHEN OLD.at >= {_TOO_OLD}"
    " BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql"
    " SET search_path FROM CURRENT AS $$ BEGIN"
    f" IF TG_OP = 'DELETE' AND OLD.at < {_TOO_OLD} THEN RETURN OLD; END IF;"
    " RAISE EXCEPTION 'the audit is append-only'; END $$",
    "CREATE TRIGGER audit_keeps_rows BEFORE UPDATE OR DELETE ON audit"
    " FOR EACH ROW EXECUTE FUNCTION audit_is_kept()",
    "CREATE TRIGGER audit_keeps_all BEFORE TRUNCATE ON audit"
    " FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept()",
)


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _words, primary_key=True, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("face", _words, nullable=False),
        sa.Column("who", _words, nullable=False),
        sa.Column("verb", _words, nullable=False),
        sa.Column("task_id", _words),
        sa.Column("run_id", _words),
        sa.Column("reason", _words, nullable=False),
        sa.Column("before", _words),
        sa.Column("after", _words),
        sqlite_with_rowid=False,
    )
    op.create_index("audit_by_time", "audit", ["at"])
    op.create_index("audit_of_task", "audit", ["task_id", "id"])
    of_run = sa.text("run_id IS NOT NULL")
    op.create_index(
        "audit_of_run", "audit", ["run_id", "id"], sqlite_where=of_run, postgresql_where=of_run
    )
    for name, columns, words in _INDEXES:
        of = sa.text(words)
        op.create_index(name, "runs", columns, sqlite_where=of, postgresql_where=of)
    in_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _POSTGRESQL if in_postgresql else _SQLITE:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what a newer rota wrote, an older cannot read.")
