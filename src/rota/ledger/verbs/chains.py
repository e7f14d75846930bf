"""Writes the occurrences of tasks that run after others, in the transaction that ends those runs.

Every verb that ends runs calls `follow` with their ids: this is the one place for that rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Connection, select

from rota import triggers
from rota.core.chains.rule import Named, UpstreamEnd, cycle_through, is_end, named_by
from rota.core.ids import RunIds
from rota.core.ports.ledger import NodeLiveness, Publish
from rota.core.ports.records import NewRun, PlannedRun, StoredTask
from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import NO_REASON, RunReason
from rota.core.run import FINAL, Cause, State
from rota.core.time import SECOND, Instant
from rota.errors import TriggerError
from rota.ledger.chain_evidence import NAMED_BY_RUN, has_downstream
from rota.ledger.schema.chained import is_after
from rota.ledger.schema.tables import is_running, is_waiting, runs, tasks
from rota.ledger.sql import mapping
from rota.ledger.sql import statements as sql
from rota.ledger.sql.forms import CODES
from rota.ledger.sql.json_batch import Batch, Row, encode, incoming, listed
from rota.ledger.sql.statement import Statement, all_of
from rota.ledger.turn import take_turn
from rota.ledger.verbs import planning
from rota.triggers.calendars.rolled import CalendarTrigger
from rota.triggers.kinds.after import AfterTrigger

# --- statements ---------------------------------------------------------------------------------

AFTER_TASKS = Statement(
    all_of(select(*mapping.TASK).where(is_after(tasks), tasks.c.removed_at.is_(None)))
)
"""The tasks that run after others (TASK)."""

_ENDED = (
    runs.c.id,
    runs.c.task_id,
    runs.c.fire_time,
    runs.c.cause,
    runs.c.state,
    runs.c.attempt,
    runs.c.reason_code,
    runs.c.count,
    runs.c.options,
)
RUNS_OF_TASKS = Statement(
    all_of(select(*_ENDED).where(runs.c.id.in_(listed("ids")), runs.c.task_id.in_(listed("tasks"))))
)
"""Those of the runs that belong to these tasks: what names the occurrences after them."""

_beside_in = incoming("beside", runs.c.task_id, runs.c.fire_time)
ENDED_BESIDE = Statement(
    all_of(
        select(*_ENDED).join_from(
            _beside_in,
            runs,
            (runs.c.task_id == _beside_in.c.task_id) & (runs.c.fire_time == _beside_in.c.fire_time),
        )
    )
)
"""The runs of these occurrences: task, fire time."""

ACTIVE_OF = Statement(
    all_of(
        select(runs.c.id).where(
            runs.c.task_id.in_(listed("tasks")), is_waiting(runs) | is_running(runs)
        )
    )
)
"""The runs of these tasks that have not ended."""

# --- the rule -----------------------------------------------------------------------------------

_ids = RunIds()


class _Ended(NamedTuple):
    """A run that is over, and what else its row says."""

    end: UpstreamEnd
    cause: Cause
    code: ReasonCode | None
    covers: int
    options: str | None

    @property
    def names(self) -> bool:
        """Return whether it names occurrences of the tasks after it."""
        if not is_end(self.end.state, self.end.attempt, self.code):
            return False
        return self.options is None or has_downstream(self.options)


class _Chained(NamedTuple):
    """A task that runs after others."""

    task: StoredTask
    trigger: AfterTrigger
    calendar: CalendarTrigger | None = None

    @property
    def id(self) -> str:
        return self.task.record.id

    def is_of_its_days(self, instant: Instant) -> bool:
        """Return whether its calendar, if it has one, has the day of an instant."""
        return self.calendar is None or self.calendar.has_day(instant)


def upstream_of(connection: Connection, run_ids: Collection[str]) -> list[str]:
    """Return those of the runs whose task has tasks after it. If there are any, this transaction
    has the turn: what is ended by two nodes at once is judged one after the other. To be called
    before the runs are changed, so that locks are taken in one order.
    """
    upstream = _upstream_tasks(_chains(connection)) if run_ids else ()
    if not upstream:
        return []
    found = RUNS_OF_TASKS.rows(connection, ids=encode(run_ids), tasks=encode(upstream))
    if found:
        take_turn(connection)
    return [row[0] for row in found]


def active_of(connection: Connection, task_ids: Collection[str]) -> list[str]:
    """Return the runs of these tasks that have not ended, if there are tasks after them: before a
    statement ends some of them.
    """
    chained = _upstream_tasks(_chains(connection)).intersection(task_ids)
    return list(ACTIVE_OF.rows(connection, tasks=encode(chained))) if chained else []


def plan(
    connection: Connection,
    runs: Sequence[NewRun],
    publish: Publish | None = None,
    liveness: NodeLiveness | None = None,
) -> list[PlannedRun]:
    """Write new rows as `planning.plan` does, and what those that are over by this name."""
    ended: list[str] = []
    planned = planning.plan(connection, runs, publish, liveness, ended)
    if ended:
        follow(connection, ended, runs[0].created_at)
    return planned


def end_waiting(
    connection: Connection, ends: Iterable[tuple[str, State, str, Instant, ReasonCode]]
) -> None:
    """End runs that wait: id, state, reason, when, code of the reason."""
    batch = list(ends)
    if batch:
        ids = upstream_of(connection, [one[0] for one in batch])
        sql.END_WAITING(connection, ends=Batch(batch))
        follow(connection, ids, batch[0][3])


def follow(connection: Connection, run_ids: Collection[str], now: Instant) -> None:
    """Write the occurrences that these runs name: those of them that are over."""
    chains = _chains(connection) if run_ids else ()
    upstream = _upstream_tasks(chains)
    while run_ids and upstream:
        rows = RUNS_OF_TASKS.rows(connection, ids=encode(run_ids), tasks=encode(upstream))
        ended = [one for one in map(_ended_of, rows) if one is not None and one.names]
        if not ended:
            return
        take_turn(connection)
        new = list(_occurrences(connection, chains, ended, now))
        over: list[str] = []
        planning.plan(connection, new, ended=over)
        run_ids = over  # what is skipped has tasks after it as well


def _chains(connection: Connection) -> tuple[_Chained, ...]:
    """Return the tasks that run after others; one that runs after itself never runs."""
    rows = AFTER_TASKS.rows(connection)
    return _read(tuple(map(tuple, rows))) if rows else ()


@lru_cache(maxsize=8)
def _read(rows: tuple[Row, ...]) -> tuple[_Chained, ...]:
    found = [one for row in rows if (one := _chained_of(row)) is not None]
    links = {one.id: one.trigger.link.tasks for one in found}
    return tuple(one for one in found if not cycle_through(one.id, links))


def _chained_of(row: Row) -> _Chained | None:
    """Return the task of a row of TASK; None if this release cannot read its trigger."""
    task = mapping.task_of(row)
    edited = task.edits.trigger_args
    args = task.record.trigger_args if edited is None else edited
    try:
        rule = triggers.parse(
            task.record.trigger, args, timezone=task.record.timezone, task_id=task.record.id
        )
    except TriggerError:
        return None
    calendar = rule if isinstance(rule, CalendarTrigger) else None
    inner = rule if calendar is None else calendar.rule
    return _Chained(task, inner, calendar) if isinstance(inner, AfterTrigger) else None


def _upstream_tasks(chains: Iterable[_Chained]) -> set[str]:
    return {task_id for one in chains for task_id in one.trigger.link.tasks}


def _ended_of(row: Row) -> _Ended | None:
    run_id, task_id, fire_time, cause, state, attempt, code, covers, options = row
    if state not in FINAL:
        return None
    end = UpstreamEnd(run_id, task_id, fire_time, State(state), attempt)
    return _Ended(end, Cause(cause), CODES.get(code), covers, options)


def _occurrences(
    connection: Connection, chains: Sequence[_Chained], ended: Sequence[_Ended], now: Instant
) -> Iterable[NewRun]:
    beside = _beside(connection, chains, ended)
    found: dict[tuple[str, object], NewRun] = {}
    for one in ended:
        is_planned = one.cause is Cause.SCHEDULE and one.end.fire_time is not None
        key = one.end if is_planned else one.end._replace(fire_time=None)
        for chained in chains:
            if key.task_id not in chained.trigger.link.tasks:
                continue
            others = {
                task_id: other
                for task_id in chained.trigger.link.tasks
                if (other := beside.get((task_id, key.fire_time))) is not None
            }
            named = named_by(chained.trigger.link, key, others)
            run = None if named is None else _row(chained, named, one, now)
            if run is not None:
                occurrence = run.fire_time or mapping.to_json(run.upstream)
                found.setdefault((run.task_id, occurrence), run)
    return _unknown(connection, found.values())


def _beside(
    connection: Connection, chains: Sequence[_Chained], ended: Sequence[_Ended]
) -> dict[tuple[str, Instant | None], UpstreamEnd]:
    """Return the ends of the other upstream runs, by task and fire time, as far as they ended."""
    links = [one.trigger.link for one in chains if one.trigger.link.is_fan_in]
    asked = {
        (task_id, one.end.fire_time)
        for one in ended
        for link in links
        if one.end.task_id in link.tasks and one.end.fire_time is not None
        for task_id in link.tasks
    }
    if not asked:
        return {}
    rows = ENDED_BESIDE.rows(connection, beside=Batch(asked))
    found = [one for one in map(_ended_of, rows) if one is not None and one.names]
    return {
        (one.end.task_id, one.end.fire_time): one.end
        for one in found
        if one.cause is Cause.SCHEDULE
    }


def _unknown(connection: Connection, new: Collection[NewRun]) -> list[NewRun]:
    """Return the occurrences without those that upstream runs without a fire time named before;
    of the others, `planning.plan` finds that.
    """
    keys = [(run.task_id, mapping.to_json(run.upstream)) for run in new if run.fire_time is None]
    if not keys:
        return list(new)
    known = {(task_id, text) for task_id, text in NAMED_BY_RUN.rows(connection, known=Batch(keys))}
    return [
        run
        for run in new
        if run.fire_time is not None or (run.task_id, mapping.to_json(run.upstream)) not in known
    ]


def _row(chained: _Chained, named: Named, by: _Ended, now: Instant) -> NewRun | None:
    """Return the row of an occurrence; None if its trigger does not name it."""
    task, trigger = chained.task, chained.trigger
    fire_time = named.ends[0].fire_time
    instant = now if fire_time is None else fire_time
    why_no_day = "" if chained.calendar is None else chained.calendar.why_skipped(instant)
    if not trigger.admits(instant) or not (why_no_day or chained.is_of_its_days(instant)):
        return None
    policy = task.record.policy
    state, reason = State.QUEUED, NO_REASON
    available_at = now
    if named.other is not None:
        state, reason = State.SKIPPED, RunReason(ReasonCode.UPSTREAM, named.reason)
    elif why_no_day:
        state, reason = State.SKIPPED, RunReason(ReasonCode.CALENDAR, why_no_day)
    elif (held := _held_back(task, now)) is not None:
        state, reason = State.SKIPPED, held
    elif trigger.jitter:
        delay = triggers.start_delay(trigger, chained.id, instant)
        if delay:
            why = f"its start is delayed by {delay / SECOND:.3g} s (jitter)"
            available_at, state = now + delay, State.SCHEDULED
            reason = RunReason(ReasonCode.JITTER, why)
    return NewRun(
        id=_ids.new(now),
        task_id=chained.id,
        fire_time=fire_time,
        cause=by.cause,
        state=state,
        reason=reason,
        available_at=available_at,
        created_at=now,
        overlap=policy.overlap,
        queue_limit=policy.most_waiting,
        max_running=policy.max_running,
        limits=policy.limits if policy.is_limited else "",
        occurrence_count=by.covers if state is State.SKIPPED else 1,
        priority=policy.priority,
        upstream={end.task_id: end.run_id for end in named.ends},
    )


def _held_back(task: StoredTask, now: Instant) -> RunReason | None:
    """Return why a task starts nothing at `now`: it is disabled or paused; None if it does."""
    enabled = task.record.enabled if task.edits.enabled is None else task.edits.enabled
    if not enabled:
        return RunReason(ReasonCode.DISABLED, "its task is disabled")
    if task.paused_since is None or (task.paused_until is not None and task.paused_until <= now):
        return None
    why = f": {task.pause_reason}" if task.pause_reason else ""
    return RunReason(ReasonCode.PAUSED, f"its task is paused{why}")
