"""Decides which runs may start under the limits of their tasks, whatever other nodes start at the
same time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    select,
    true,
    update,
)

from rota.core.limits import Limit
from rota.core.ports.ledger import Limits
from rota.core.time import SECOND, Instant
from rota.ledger.schema.tables import is_running, is_waiting, limits, runs, tasks
from rota.ledger.sql import aggregate_mapping
from rota.ledger.sql.json_batch import Batch, encode, incoming, listed
from rota.ledger.sql.statement import Statement, all_of, in_each

UNDER_WAY = 5 * SECOND
"""How long a run that a broker was given counts as one that is about to start."""

_names_in = incoming("names", limits.c.name)
MAKE_LIMITS = in_each(
    lambda insert: (
        insert(limits)
        .from_select(["name"], select(_names_in.c.name).where(true()).order_by(_names_in.c.name))
        .on_conflict_do_nothing()
    )
)
"""Make the rows of limits that have none."""

LOCKED_LIMITS = Statement(
    all_of(
        select(limits.c.name, limits.c.full_until)
        .where(limits.c.name.in_(listed("names")))
        .order_by(limits.c.name)
        .with_for_update()
    )
)
"""How full limits are, by their rates: name, instant. No other transaction admits runs until the
end.
"""

_spent_in = incoming("spent", limits.c.name, limits.c.full_until)
SPEND = Statement(
    update(limits)
    .where(limits.c.name == _spent_in.c.name)
    .values(full_until=_spent_in.c.full_until)
)
"""Write how full limits are: name, instant."""

_since: BindParameter[Any] = bindparam("since")
_is_given = and_(is_waiting(runs), runs.c.published_at > _since)


def _per_task(those: ColumnElement[bool]) -> Statement:
    counted = select(runs.c.task_id, func.count()).where(
        runs.c.task_id.in_(listed("task_ids")), those
    )
    return Statement(all_of(counted.group_by(runs.c.task_id)))


def _per_group(those: ColumnElement[bool]) -> Statement:
    counted = (
        select(tasks.c.limit_group, func.count())
        .join_from(tasks, runs, runs.c.task_id == tasks.c.id)
        .where(tasks.c.limit_group.in_(listed("groups")), those)
    )
    return Statement(all_of(counted.group_by(tasks.c.limit_group)))


RUNNING_OF_TASKS, RUNNING_OF_GROUPS = _per_task(is_running(runs)), _per_group(is_running(runs))
GIVEN_TO_TASKS, GIVEN_TO_GROUPS = _per_task(_is_given), _per_group(_is_given)
"""How many runs are running, or were given to a broker since: task or group, count."""


class Start(NamedTuple):
    """A run that is to start at an instant."""

    run_id: str
    task_id: str
    at: Instant


def admitted(
    connection: Connection, now: Instant, starts: Iterable[Start], limits: Limits
) -> list[str]:
    """Return the ids of those that may start now, in their order, and count them in."""
    starts = list(starts)
    gate = _LimitGate(connection, limits, starts)
    chosen = [start.run_id for start in starts if gate.admits(start.task_id, start.at, now)]
    gate.spend(connection)
    gate.report(limits)
    return chosen


def offered(
    connection: Connection, now: Instant, starts: Iterable[Start], limits: Limits
) -> list[str]:
    """Return the ids of those that could start now in addition to all that a broker was given
    lately.
    """
    starts = list(starts)
    gate = _LimitGate(connection, limits, starts)
    gate.count_given(connection, now)
    chosen = [start.run_id for start in starts if gate.admits(start.task_id, start.at, now)]
    gate.report(limits)
    return chosen


class _LimitGate:
    """The limits of some tasks' runs, held by this transaction until its end."""

    def __init__(self, connection: Connection, limits: Limits, starts: Iterable[Start]) -> None:
        self._of = {task_id: limits.of(task_id) for task_id in {s.task_id for s in starts}}
        self._all = {limit.name: limit for some in self._of.values() for limit in some}
        self._full_until: dict[str, Instant | None] = {}
        self._running: Counter[str] = Counter()
        self._spent: set[str] = set()
        self._full: set[Limit] = set()
        self._next: Instant | None = None
        if self._all:
            self._lock(connection)
            self._running = self._count(connection, RUNNING_OF_TASKS, RUNNING_OF_GROUPS)

    def _lock(self, connection: Connection) -> None:
        names = Batch([name] for name in sorted(self._all))
        wanted = encode(sorted(self._all))
        found = LOCKED_LIMITS.rows(connection, names=wanted)
        if len(found) < len(self._all):
            MAKE_LIMITS(connection, names=names)
            found = LOCKED_LIMITS.rows(connection, names=wanted)
        self._full_until = {name: aggregate_mapping.due_of(until) for name, until in found}

    def _count(
        self, connection: Connection, of_tasks: Statement, of_groups: Statement, **since: Instant
    ) -> Counter[str]:
        """Count runs by the names of their limits."""
        counts: Counter[str] = Counter()
        tasks = {limit.task_id: name for name, limit in self._all.items() if limit.task_id}
        groups = {limit.group: name for name, limit in self._all.items() if limit.group}
        if tasks:
            found = of_tasks.rows(connection, task_ids=encode(tasks), **since)
            counts.update({tasks[task_id]: count for task_id, count in found})
        if groups:
            found = of_groups.rows(connection, groups=encode(groups), **since)
            counts.update({groups[group]: count for group, count in found})
        return counts

    def count_given(self, connection: Connection, now: Instant) -> None:
        """Count in what a broker was given lately, as if it started now."""
        if not self._all:
            return
        given = self._count(connection, GIVEN_TO_TASKS, GIVEN_TO_GROUPS, since=now - UNDER_WAY)
        for name, count in given.items():
            limit = self._all[name]
            self._running[name] += count
            if limit.rate is not None:
                for _ in range(min(count, limit.rate.burst)):
                    self._full_until[name] = limit.rate.spent(self._full_until[name], now)

    def admits(self, task_id: str, at: Instant, now: Instant) -> bool:
        """Return whether one more run of the task may start at `at`, and count it in if so."""
        limits = self._of[task_id]
        if not all(self._has_room(limit, now) for limit in limits):
            return False
        for limit in limits:
            self._running[limit.name] += 1
            if limit.rate is not None:
                self._full_until[limit.name] = limit.rate.spent(self._full_until[limit.name], at)
                self._spent.add(limit.name)
        return True

    def _has_room(self, limit: Limit, now: Instant) -> bool:
        if limit.max_running is not None and self._running[limit.name] >= limit.max_running:
            self._full.add(limit)
            return False
        if limit.rate is not None:
            earliest = limit.rate.earliest(self._full_until[limit.name], now)
            if earliest > now:
                self._full.add(limit)
                self._next = earliest if self._next is None else min(self._next, earliest)
                return False
        return True

    def spend(self, connection: Connection) -> None:
        """Write how full the rates are."""
        if self._spent:
            spent = Batch((name, self._full_until[name]) for name in sorted(self._spent))
            SPEND(connection, spent=spent)

    def report(self, limits: Limits) -> None:
        """Report which limits hold back runs, and when the first of their rates lets one start."""
        limits.hold(self._full, self._next)
