"""The tables with their constraints: the database refuses what must never be.

A migration creates the same tables step by step; a test compares the two. Times are instants:
microseconds since 1970 in UTC. JSON is kept as text: only Python reads it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    FromClause,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    event,
    literal_column,
    text,
)

from rota.core.audit import KEPT
from rota.core.run import FINAL, WAITING, Cause, State
from rota.core.time import HOUR, Instant

REVISION = "0021"
"""The newest migration: a ledger of this revision is opened without loading Alembic."""

RARE = FINAL - {State.SUCCEEDED}
"""The final states that are rare and searched for: they have an index of their own."""

LATE: Instant = HOUR
"""How long after its fire time a run is made late: caught up after a downtime, or backfilled."""

metadata = MetaData()

Words = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its bytes everywhere: ids are compared, and made ranges of."""


def word(value: str) -> ColumnElement[Any]:
    """Return one of rota's words as a literal of the SQL itself: a partial index is used for
    nothing less.
    """
    return literal_column(f"'{value}'", Text)


def one_of(column: ColumnElement[Any], values: frozenset[Any]) -> ColumnElement[bool]:
    """Return the condition that `column` holds one of these words, always in the same order."""
    return column.in_([word(value) for value in sorted(values)])


# In the words below, `IN` over more than two would cost each write of a run a microsecond, for
# SQLite builds a table of them each time; so the common cases come first, by `=`.
_STATE_IS_TRUE = (
    "CASE state"
    " WHEN 'queued' THEN finished_at IS NULL"
    " WHEN 'scheduled' THEN finished_at IS NULL"
    " WHEN 'running' THEN finished_at IS NULL"
    " AND node IS NOT NULL AND attempt_started_at IS NOT NULL"
    " WHEN 'succeeded' THEN finished_at IS NOT NULL"
    " AND node IS NOT NULL AND attempt_started_at IS NOT NULL"
    " ELSE finished_at IS NOT NULL"
    " AND state IN ('failed', 'cancelled', 'skipped', 'missed', 'lost')"
    " END"
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Words, primary_key=True, nullable=False),
    # what the code says
    Column("name", Words, nullable=False),
    Column("func_path", Words, nullable=False),
    Column("trigger", Words, nullable=False),
    Column("trigger_args", Words, nullable=False),  # JSON
    Column("timezone", Words, nullable=False),
    Column("schedule", Words, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("policy", Words, nullable=False),  # JSON
    Column("executor", Words, nullable=False),
    Column("description", Words, nullable=False),
    Column("file", Words),
    Column("line", Integer),
    # the state of its planning
    Column("anchor", BigInteger, nullable=False),
    Column("planned_until", BigInteger, nullable=False),
    # the edits on top of it
    Column("edits", Words, nullable=False),  # JSON
    Column("paused_since", BigInteger),
    Column("paused_until", BigInteger),
    Column("pause_reason", Words, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("removed_at", BigInteger),
    Column("revision", Integer, nullable=False),
    Column("skipped", Words),  # JSON
    Column("limit_group", Words),  # the group in `policy`, for a count of its runs
    Column("edited", Words),  # JSON: of `edits`, the author, the reason, and the replaced values
    # for verification: since when its occurrences are those that the row says
    Column("dst", Words),
    Column("rule_since", BigInteger),
    Column("rule_revision", Integer),  # the revision of which that is true
    Column("off", Words),  # JSON
    Column("pauses", Words),  # JSON: the pauses that hold it, if any is by tag or of all tasks
)

pauses = Table(
    "pauses",
    metadata,
    Column("scope", Words, primary_key=True, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("reason", Words, nullable=False),
    Column("author", Words, nullable=False),
    sqlite_with_rowid=False,
)
"""The pauses by tag, and of all tasks; each task that one holds has it in its own row as well."""

windows = Table(
    "windows",
    metadata,
    Column("id", BigInteger, primary_key=True, nullable=False, autoincrement=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("action", Words, nullable=False),
    Column("everyone", Boolean, nullable=False),
    Column("tags", Words, nullable=False),  # JSON
    Column("tasks", Words, nullable=False),  # JSON
    Column("reason", Words, nullable=False),
    Column("author", Words, nullable=False),
    sqlite_with_rowid=False,
)
"""The maintenance windows that were opened manually, until they are pruned like runs."""

rules = Table(
    "rules",
    metadata,
    Column("task_id", Words, primary_key=True, nullable=False),
    Column("revision", Integer, primary_key=True, nullable=False, autoincrement=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    # the former content of the row in `tasks`
    Column("trigger", Words, nullable=False),
    Column("trigger_args", Words, nullable=False),  # JSON
    Column("timezone", Words, nullable=False),
    Column("dst", Words),
    Column("enabled", Boolean, nullable=False),
    Column("edits", Words, nullable=False),  # JSON
    Column("anchor", BigInteger, nullable=False),
    Column("planned_until", BigInteger, nullable=False),
    Column("paused_since", BigInteger),
    Column("paused_until", BigInteger),
    Column("removed_at", BigInteger),
    Column("skipped", Words),  # JSON
    sqlite_with_rowid=False,
)
"""The rules that decided the occurrences of a task before it changed; the present rule is its row
in `tasks`.
"""

marks = Table(
    "marks",
    metadata,
    Column("name", Words, primary_key=True, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("value", Words),  # JSON
    sqlite_with_rowid=False,
)
"""Named marks: up to where runs were pruned and verified, and when a clock was set back."""

limits = Table(
    "limits",
    metadata,
    Column("name", Words, primary_key=True, nullable=False),
    Column("full_until", BigInteger),  # of its rate: see core.limits
    sqlite_with_rowid=False,
)
"""Every limit that runs were ever under. A transaction that admits runs locks their rows until its
end: one node at a time counts the running runs.
"""

runs = Table(
    "runs",
    metadata,
    Column("id", Words, primary_key=True, nullable=False),
    Column("task_id", Words, nullable=False),
    Column("fire_time", BigInteger),  # NULL: started manually, or a replay
    Column("cause", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("reason", Words, nullable=False, server_default=text("''")),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("crashes", Integer, nullable=False, server_default=text("0")),
    Column("count", BigInteger, nullable=False, server_default=text("1")),
    Column("exclusive", Boolean, nullable=False),
    Column("available_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("attempt_started_at", BigInteger),
    Column("node", Words),
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("cancel_requested", Words),
    Column("peak_memory", BigInteger),
    Column("arguments", Words),  # JSON
    Column("result", Words),  # JSON
    Column("progress", Words),  # JSON
    Column("checkpoint", Words),  # JSON, gone when the run has ended
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("published_at", BigInteger),  # when a broker was last given it; NULL while it runs
    Column("reason_code", Words),  # of `reason`; NULL if an older release wrote it
    Column("awaits", Words),  # the run that blocks it, while that run may be in progress
    Column("key", Words),  # that it was enqueued with
    Column("options", Words),  # JSON: of its task's, those that it has of its own
    Column("overlap_key", Words),  # JSON: what `overlap` distinguishes it by; NULL: nothing
    Column("nominal_time", BigInteger),  # that its rule names, if a calendar moved it
    Column("upstream", Words),  # JSON: task → run, whose ends named it
    Column("error_type", Words),  # of a failed run: the exception that ended its last attempt
    # of a replay, whose `fire_time` is NULL: its number, and the instant of its occurrence
    Column("replay", Integer),
    Column("replay_time", BigInteger),
    CheckConstraint(_STATE_IS_TRUE, name="state_is_true"),
    CheckConstraint(
        "cause = 'schedule' OR cause = 'manual' OR cause = 'backfill'", name="known_cause"
    ),
    # The key is the row's place (no second tree), and new ids sort last: rows are appended.
    sqlite_with_rowid=False,
)

run_keys = Table(
    "run_keys",
    metadata,
    Column("task_id", Words, primary_key=True, nullable=False),
    Column("key", Words, primary_key=True, nullable=False),
    Column("run_id", Words, nullable=False),
    Column("until", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Which run has a key: until that instant, and while the run has not ended."""

attempts = Table(
    "attempts",
    metadata,
    Column("run_id", Words, primary_key=True, nullable=False),
    Column("number", Integer, primary_key=True, nullable=False, autoincrement=False),
    Column("node", Words, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger, nullable=False),
    Column("outcome", Words, nullable=False),
    Column("error", Words),
    Column("traceback", Words),
    Column("peak_memory", BigInteger),
    CheckConstraint(
        "outcome IN ('succeeded', 'failed', 'timed_out', 'cancelled', 'crashed')",
        name="known_outcome",
    ),
    sqlite_with_rowid=False,
)
"""The attempts that did not succeed. The one that did is the last of its run, and the run's own
row says everything of it: writing it twice would cost every good run a seventh of its time."""

logs = Table(
    "logs",
    metadata,
    Column("run_id", Words, primary_key=True, nullable=False),
    Column("attempt", Integer, primary_key=True, nullable=False, autoincrement=False),
    Column("seq", Integer, primary_key=True, nullable=False, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("level", Words, nullable=False),
    Column("logger", Words, nullable=False),
    Column("text", Words, nullable=False),
    sqlite_with_rowid=False,
)

steps = Table(
    "steps",
    metadata,
    Column("run_id", Words, primary_key=True, nullable=False),
    Column("key", Words, primary_key=True, nullable=False),
    Column("value", Words, nullable=False),  # JSON
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

nodes = Table(
    "nodes",
    metadata,
    Column("id", Words, primary_key=True, nullable=False),
    Column("name", Words, nullable=False),
    Column("host", Words, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Words, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("state", Words, nullable=False),
    Column("info", Words, nullable=False),  # JSON
    CheckConstraint("state IN ('up', 'draining', 'stopped', 'gone')", name="known_state"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Words, primary_key=True, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("face", Words, nullable=False),
    Column("who", Words, nullable=False),
    Column("verb", Words, nullable=False),
    Column("task_id", Words),
    Column("run_id", Words),
    Column("reason", Words, nullable=False),
    Column("before", Words),  # JSON
    Column("after", Words),  # JSON
    sqlite_with_rowid=False,
)
"""Every change and its author.

Triggers refuse to change a row, and to delete one of the last year.
"""

AUDIT_IN_SQLITE = (
    "CREATE TRIGGER audit_keeps_words BEFORE UPDATE ON audit"
    " BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
    "CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit"
    f" WHEN OLD.at >= (SELECT max(at) FROM audit) - {KEPT}"
    " BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
)


def is_waiting(table: FromClause) -> ColumnElement[bool]:
    """Return the condition that a run waits, in exactly the words of the partial indexes."""
    return one_of(table.c.state, WAITING)


def is_waiting_apart(table: FromClause) -> ColumnElement[bool]:
    """Return the condition of runs that wait only for those with their `overlap_key`, in exactly
    the words of the partial index.
    """
    return and_(table.c.overlap_key.is_not(None), is_waiting(table))


def is_running(table: FromClause) -> ColumnElement[bool]:
    """Return the condition that a run is running, in exactly the words of the partial index."""
    return table.c.state == word(State.RUNNING)


def is_undecided(table: FromClause) -> ColumnElement[bool]:
    """Return the condition that a run waits for a verdict, in exactly the words of the partial
    index.
    """
    return and_(table.c.awaits.is_not(None), is_waiting(table))


def is_living(table: FromClause) -> ColumnElement[bool]:
    """Return the condition that a node has not left and was not declared gone."""
    return one_of(table.c.state, frozenset({"up", "draining"}))


def is_rare(table: FromClause) -> ColumnElement[bool]:
    """Return the condition that a run ended in a rare state, in exactly the words of the partial
    indexes.
    """
    return and_(table.c.finished_at.is_not(None), table.c.state != word(State.SUCCEEDED))


def is_manual(table: FromClause) -> ColumnElement[bool]:
    """Return the condition that a run was not made by the schedule, in exactly the words of the
    partial index.
    """
    return table.c.cause != word(Cause.SCHEDULE)


def is_late(table: FromClause) -> ColumnElement[bool]:
    """Return the condition that a run was made long after its fire time, in exactly the words of
    the partial index.
    """
    return table.c.created_at - table.c.fire_time > literal_column(str(LATE), BigInteger)


for _refusal in AUDIT_IN_SQLITE:
    event.listen(audit, "after_create", DDL(_refusal).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]
