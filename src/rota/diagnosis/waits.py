"""Why runs whose time has come have not started, and which of them should have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rota.core.limits import ALONE, GroupLimit
from rota.core.ports.history import History
from rota.core.ports.records import Backlog, StoredTask
from rota.core.reasons import Code, Reason, TroubleCode
from rota.core.reasons.remedies import reason
from rota.core.run import WAITING, Run
from rota.core.task import Overlap
from rota.core.time import SECOND, Instant, seconds, to_iso
from rota.diagnosis import thresholds

COULD_START = "a slot is free, and no node has started it yet"


class Wait(NamedTuple):
    """What the due runs of one task wait for."""

    task_id: str
    since: Instant
    reason: Reason
    backlog: str  # how many runs wait, and for how long, as text

    def of(self, code: TroubleCode, why: str) -> Wait:
        """Return the same wait, for something else."""
        return self._replace(reason=reason(code, f"{self.backlog}: {why}"))

    @property
    def could_start(self) -> bool:
        """Return whether nothing is known that the runs wait for."""
        return self.reason.code in (TroubleCode.WAIT_FREE, TroubleCode.WAIT_STARTABLE)

    def confirmed(self) -> Wait:
        """Return the wait of runs that could start, as the node that was asked has made sure."""
        return self.of(TroubleCode.WAIT_STARTABLE, COULD_START) if self.could_start else self

    def behind_others(self) -> Wait:
        """Return the wait of runs that could start, on a node that is busy with others or takes
        no more."""
        why = "others are started before it"
        return self.of(TroubleCode.WAIT_BEHIND, why) if self.could_start else self


@dataclass(frozen=True, slots=True)
class WaitFacts:
    """What is known when it is asked why runs wait."""

    now: Instant
    tasks: Mapping[str, StoredTask]  # those that wait or run
    running: Collection[Run]
    groups: Mapping[str, GroupLimit]
    known: Container[str] | None = None  # what the nodes that were asked know; None: not asked
    slots: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # executor → used, of
    queues: Collection[str] | None = None  # those that the asked node serves; None: all
    queues_elsewhere: Collection[str] | None = None  # those that other nodes serve; None: all
    stuck: Mapping[str, str] = field(default_factory=dict)  # task id → place


class OverdueWaits(NamedTuple):
    """Waits that last too long: those that are a trouble, and those that are as the task wants."""

    troubles: list[Reason]
    held: list[Reason]


WANTED = frozenset({TroubleCode.WAIT_LIMIT, TroubleCode.WAIT_OVERLAP, TroubleCode.WAIT_BEHIND})
"""Waits that are no trouble: for a limit or an earlier run, as their task wants it, or a turn."""


def waits(
    history: History,
    now: Instant,
    *,
    groups: Mapping[str, GroupLimit],
    known: Container[str] | None = None,
    slots: Mapping[str, tuple[int, int]] | None = None,
    stuck: Mapping[str, str] | None = None,
    queues: Collection[str] | None = None,
    queues_elsewhere: Collection[str] | None = None,
) -> list[Wait]:
    """Return why runs wait that have been due for a while, the longest wait first; raises
    LedgerError. Without `slots`, the executors of other nodes are not known. `queues` are those
    that the asked node serves, None is all."""
    named = now - seconds(thresholds.START_LATE)
    backlogs = history.backlog(now)
    waiting = sorted(
        (task_id for task_id, one in backlogs.items() if one.oldest < named),
        key=lambda task_id: backlogs[task_id].oldest,
    )[: thresholds.MOST_WAITS]
    if not waiting:
        return []
    running = history.running()
    tasks = history.tasks({*waiting, *(run.task_id for run in running)})
    facts = WaitFacts(
        now=now,
        tasks={task.record.id: task for task in tasks if task.removed_at is None},
        running=running,
        groups=groups,
        known=known,
        slots=slots or {},
        stuck=stuck or {},
        queues=queues,
        queues_elsewhere=queues_elsewhere,
    )
    return [wait_of(task_id, backlogs[task_id], facts) for task_id in waiting]


def overdue_waits(found: Sequence[Wait], now: Instant) -> OverdueWaits:
    """Return the waits that last too long: a run that could start has to start at once, others
    may wait for a while."""
    long = [one for one in found if (now - one.since) / SECOND > limit_of(one.reason.code)]
    return OverdueWaits(
        [one.reason for one in long if one.reason.code not in WANTED],
        [one.reason for one in long if one.reason.code in WANTED],
    )


def is_late(run: Run, now: Instant) -> bool:
    """Return whether a run that waits should have started by now."""
    return run.state in WAITING and run.available_at < now - seconds(thresholds.START_LATE)


def wait_of(task_id: str, backlog: Backlog, facts: WaitFacts) -> Wait:
    """Return why the due runs of a task have not started."""
    code, why = _why(task_id, facts)
    age = (facts.now - backlog.oldest) / SECOND
    runs = "1 run waits" if backlog.runs == 1 else f"{backlog.runs} runs wait"
    oldest = f"for {age:.0f} s" if backlog.runs == 1 else f"the oldest for {age:.0f} s"
    comma = " " if backlog.runs == 1 else ", "
    text = f"task {task_id}: {runs}{comma}{oldest}"
    return Wait(task_id, backlog.oldest, reason(code, f"{text}: {why}"), text)


def limit_of(code: Code) -> float:
    """Return how many seconds runs may wait for this."""
    return thresholds.START_LATE if code is TroubleCode.WAIT_STARTABLE else thresholds.WAIT_LONG


def _why(task_id: str, facts: WaitFacts) -> tuple[TroubleCode, str]:
    task = facts.tasks.get(task_id)
    if task is None or (facts.known is not None and task_id not in facts.known):
        return TroubleCode.WAIT_UNKNOWN, "no node that was asked knows it"
    if task_id in facts.stuck and task.record.policy.overlap is not Overlap.ALLOW:
        place = facts.stuck[task_id]
        return TroubleCode.WAIT_STUCK, f"an attempt that timed out is still stuck at {place}"
    limits = _limits(task, facts)
    if limits:
        return TroubleCode.WAIT_LIMIT, "; ".join(limits)
    own = [run for run in facts.running if run.task_id == task_id]
    if own and task.record.policy.overlap is not Overlap.ALLOW:
        why = f"its run {_of(own[0])} is still running, and overlap lets one run at a time"
        return TroubleCode.WAIT_OVERLAP, why
    queue = task.record.policy.queue
    if not _is_served(queue, facts.queues):
        if _is_served(queue, facts.queues_elsewhere):
            why = f"another node serves its queue {queue!r}, and has not started it yet"
            return TroubleCode.WAIT_ELSEWHERE, why
        why = f"no node that is up runs what is in its queue {queue!r}"
        return TroubleCode.WAIT_UNSERVED, why
    used, slots = facts.slots.get(task.record.executor, (0, 1))
    if used >= slots:
        why = f"all {slots} slots for {task.record.executor} are taken"
        return TroubleCode.WAIT_SLOTS, why
    return TroubleCode.WAIT_FREE, COULD_START


def _is_served(queue: str, queues: Collection[str] | None) -> bool:
    return queues is None or queue in queues


def _limits(task: StoredTask, facts: WaitFacts) -> list[str]:
    """Return those limits of a task that may hold its runs back now, in words."""
    policy, found = task.record.policy, []
    running = Counter(run.task_id for run in facts.running)
    of_task = running[task.record.id]
    if policy.max_running is not None and of_task >= policy.max_running:
        found.append(f"{of_task} of {policy.max_running} running, {said(policy.max_running)}")
    if policy.rate is not None:
        found.append(f"starts are spread by rate={policy.rate}")
    if policy.group is not None:
        limit = facts.groups.get(policy.group, ALONE)
        of_group = sum(
            count
            for id_, count in running.items()
            if id_ in facts.tasks and facts.tasks[id_].record.policy.group == policy.group
        )
        if limit.max_running is not None and of_group >= limit.max_running:
            most = f"{of_group} of {limit.max_running} running in group {policy.group}"
            found.append(f"{most}, {said(limit.max_running)}")
        if limit.rate is not None:
            found.append(f"starts in group {policy.group} are spread by rate={limit.rate}")
    return found


def said(max_running: int) -> str:
    """Return that limit as it is written in a task."""
    return f"max_running={max_running}"


def _of(run: Run) -> str:
    return "started manually" if run.fire_time is None else f"of {to_iso(run.fire_time)}"
