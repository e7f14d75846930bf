"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_WAITING = sa.text("state IN ('queued', 'scheduled')")
_RUNNING = sa.text("state = 'running'")
_RARE = sa.text("finished_at IS NOT NULL AND state != 'succeeded'")


def upgrade() -> None:
    _tasks()
    _runs()
    _indexes()
    _attempts()
    _logs()
    _nodes()


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", _words, primary_key=True, nullable=False),
        sa.Column("name", _words, nullable=False),
        sa.Column("func_path", _words, nullable=False),
        sa.Column("trigger", _words, nullable=False),
        sa.Column("trigger_args", _words, nullable=False),
        sa.Column("timezone", _words, nullable=False),
        sa.Column("schedule", _words, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("policy", _words, nullable=False),
        sa.Column("executor", _words, nullable=False),
        sa.Column("description", _words, nullable=False),
        sa.Column("file", _words),
        sa.Column("line", sa.Integer),
        sa.Column("anchor", sa.BigInteger, nullable=False),
        sa.Column("planned_until", sa.BigInteger, nullable=False),
        sa.Column("edits", _words, nullable=False),
        sa.Column("paused_since", sa.BigInteger),
        sa.Column("paused_until", sa.BigInteger),
        sa.Column("pause_reason", _words, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("removed_at", sa.BigInteger),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.create_index("tasks_by_revision", "tasks", ["revision"])


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", _words, primary_key=True, nullable=False),
        sa.Column("task_id", _words, nullable=False),
        sa.Column("fire_time", sa.BigInteger),
        sa.Column("cause", _words, nullable=False),
        sa.Column("state", _words, nullable=False),
        sa.Column("reason", _words, nullable=False, server_default=sa.text("''")),
        sa.Column("attempt", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("crashes", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("count", sa.BigInteger, nullable=False, server_default=sa.text("1")),
        sa.Column("exclusive", sa.Boolean, nullable=False),
        sa.Column("available_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("attempt_started_at", sa.BigInteger),
        sa.Column("node", _words),
        sa.Column("fence", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("cancel_requested", _words),
        sa.Column("peak_memory", sa.BigInteger),
        sa.Column("arguments", _words),
        sa.Column("result", _words),
        sa.Column("progress", _words),
        sa.Column("checkpoint", _words),
        sa.CheckConstraint(
            "CASE state"
            " WHEN 'queued' THEN finished_at IS NULL"
            " WHEN 'scheduled' THEN finished_at IS NULL"
            " WHEN 'running' THEN finished_at IS NULL"
            " AND node IS NOT NULL AND attempt_started_at IS NOT NULL"
            " WHEN 'succeeded' THEN finished_at IS NOT NULL"
            " AND node IS NOT NULL AND attempt_started_at IS NOT NULL"
            " ELSE finished_at IS NOT NULL"
            " AND state IN ('failed', 'cancelled', 'skipped', 'missed', 'lost')"
            " END",
            name="state_is_true",
        ),
        sa.CheckConstraint(
            "cause = 'schedule' OR cause = 'manual' OR cause = 'backfill'", name="known_cause"
        ),
        sqlite_with_rowid=False,
    )


def _indexes() -> None:
    fired = sa.text("fire_time IS NOT NULL")
    _index("one_run_per_occurrence", ["task_id", "fire_time"], fired, unique=True)
    op.create_index("runs_of_task", "runs", ["task_id", "id"])
    _index("waiting_by_time", ["available_at"], _WAITING)
    _index("waiting_by_task", ["task_id", "available_at"], _WAITING)
    _index("running_by_task", ["task_id"], _RUNNING)
    if op.get_bind().dialect.name == "postgresql":
        only = sa.text("state = 'running' AND exclusive")
        op.create_index(
            "one_exclusive_run_of_task", "runs", ["task_id"], unique=True, postgresql_where=only
        )
    _index("rare_ends", ["state", "id"], _RARE)
    _index("rare_ends_of_task", ["task_id", "state", "id"], _RARE)


def _index(name: str, columns: list[str], of: sa.TextClause, *, unique: bool = False) -> None:
    op.create_index(name, "runs", columns, unique=unique, sqlite_where=of, postgresql_where=of)


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("run_id", _words, primary_key=True, nullable=False),
        sa.Column("number", sa.Integer, primary_key=True, nullable=False, autoincrement=False),
        sa.Column("node", _words, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger, nullable=False),
        sa.Column("outcome", _words, nullable=False),
        sa.Column("error", _words),
        sa.Column("traceback", _words),
        sa.Column("peak_memory", sa.BigInteger),
        sa.CheckConstraint(
            "outcome IN ('succeeded', 'failed', 'timed_out', 'cancelled', 'crashed')",
            name="known_outcome",
        ),
        sqlite_with_rowid=False,
    )


def _logs() -> None:
    op.create_table(
        "logs",
        sa.Column("run_id", _words, primary_key=True, nullable=False),
        sa.Column("attempt", sa.Integer, primary_key=True, nullable=False, autoincrement=False),
        sa.Column("seq", sa.Integer, primary_key=True, nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("level", _words, nullable=False),
        sa.Column("logger", _words, nullable=False),
        sa.Column("text", _words, nullable=False),
        sqlite_with_rowid=False,
    )


def _nodes() -> None:
    op.create_table(
        "nodes",
        sa.Column("id", _words, primary_key=True, nullable=False),
        sa.Column("name", _words, nullable=False),
        sa.Column("host", _words, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("version", _words, nullable=False),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sa.Column("state", _words, nullable=False),
        sa.Column("info", _words, nullable=False),
        sa.CheckConstraint("state IN ('up', 'draining', 'stopped', 'gone')", name="known_state"),
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what a newer rota wrote, an older cannot read.")
