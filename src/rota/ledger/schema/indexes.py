"""The indexes of the tables; importing this adds them to `metadata`, which a migration must equal.

No node loads this, only the test that compares the two: SQLAlchemy would load the dialect of every
database that an index has an option for.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Index, and_, func, literal_column, not_

from rota.ledger.schema.access_tables import tokens
from rota.ledger.schema.chained import is_after, is_named_by_run
from rota.ledger.schema.tables import (
    audit,
    is_late,
    is_manual,
    is_rare,
    is_running,
    is_undecided,
    is_waiting,
    is_waiting_apart,
    metadata,
    runs,
    tasks,
)

__all__ = ["metadata"]


def _index(name: str, *columns: Column[Any], of: ColumnElement[bool], unique: bool = False) -> None:
    Index(name, *columns, unique=unique, sqlite_where=of, postgresql_where=of)


# Every index costs each run a microsecond or more. A run that succeeds passes through the first
# five, of which only two keep growing; the last two are for the other runs.
Index("tasks_by_revision", tasks.c.revision)
_index("tasks_of_group", tasks.c.limit_group, of=tasks.c.limit_group.is_not(None))
_index("tasks_after", tasks.c.id, of=is_after(tasks))
_index(
    "one_run_per_occurrence",
    runs.c.task_id,
    runs.c.fire_time,
    of=runs.c.fire_time.is_not(None),
    unique=True,
)
_index(
    "one_run_per_upstream_run",
    runs.c.task_id,
    runs.c.upstream,
    of=is_named_by_run(runs),
    unique=True,
)
_index(
    "one_run_per_replay",
    runs.c.task_id,
    runs.c.replay_time,
    runs.c.replay,
    of=runs.c.replay_time.is_not(None),
    unique=True,
)
Index("runs_of_task", runs.c.task_id, runs.c.id)
_index("waiting_by_priority", runs.c.priority, runs.c.available_at, of=is_waiting(runs))
_index("waiting_by_task", runs.c.task_id, runs.c.available_at, of=is_waiting(runs))
_index(
    "waiting_by_overlap_key",
    runs.c.task_id,
    runs.c.overlap_key,
    runs.c.available_at,
    runs.c.id,
    of=is_waiting_apart(runs),
)
_index("undecided_of_task", runs.c.task_id, runs.c.id, of=is_undecided(runs))
_index("running_by_task", runs.c.task_id, of=is_running(runs))
Index(
    "one_exclusive_run_of_task",
    runs.c.task_id,
    func.coalesce(runs.c.overlap_key, literal_column("''")),
    unique=True,
    postgresql_where=and_(is_running(runs), runs.c.exclusive),
).ddl_if(dialect="postgresql")  # in SQLite only one process claims at a time
Index(
    "unpublished_by_time",
    runs.c.available_at,
    postgresql_where=and_(is_waiting(runs), runs.c.published_at.is_(None)),
).ddl_if(dialect="postgresql")  # in SQLite, few installations have a broker
_index("rare_ends", runs.c.state, runs.c.id, of=is_rare(runs))
_index("rare_ends_of_task", runs.c.task_id, runs.c.state, runs.c.id, of=is_rare(runs))
_index("by_hand", runs.c.cause, runs.c.id, of=is_manual(runs))
_index("made_late", runs.c.id, of=is_late(runs))
Index("audit_by_time", audit.c.at)
Index("audit_of_task", audit.c.task_id, audit.c.id)
_index_of_runs = audit.c.run_id.is_not(None)
Index(
    "audit_of_run",
    audit.c.run_id,
    audit.c.id,
    sqlite_where=_index_of_runs,
    postgresql_where=_index_of_runs,
)
_index(
    "token_of_name",
    tokens.c.name,
    of=and_(tokens.c.revoked_at.is_(None), not_(tokens.c.once)),
    unique=True,
)
