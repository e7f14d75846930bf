"""Why runs whose time has come have not started."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rota.core.limits import ALONE, GroupLimit
from rota.core.ports.records import Backlog, StoredTask
from rota.core.run import Run
from rota.core.task import Overlap
from rota.core.time import SECOND, Instant, to_iso

COULD_START = "a slot is free, and nobody has started it yet"


class Wait(NamedTuple):
    """What the due runs of one task wait for, in words."""

    task_id: str
    since: Instant
    why: str
    is_trouble: bool  # else it is as their task wants it: a limit, or its own turn
    could_start: bool = False  # nothing is known that they wait for

    def behind_others(self) -> Wait:
        """Return what is said of it while a node is busy with others, or takes no more."""
        why = self.why.replace(COULD_START, "others are started before it")
        return self._replace(why=why, is_trouble=False, could_start=False)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known when somebody asks why runs wait."""

    now: Instant
    tasks: Mapping[str, StoredTask]  # those that wait or run
    running: Collection[Run]
    groups: Mapping[str, GroupLimit]
    known: Collection[str] | None = None  # what the nodes that were asked know; None: not asked
    slots: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # executor → used, of
    queues: Collection[str] | None = None  # those that the asked node serves; None: all
    queues_elsewhere: Collection[str] | None = None  # those that other nodes serve; None: all
    stuck: Mapping[str, str] = field(default_factory=dict)  # task id → place


def wait_of(task_id: str, backlog: Backlog, scene: Scene) -> Wait:
    """Say why the due runs of a task have not started."""
    why, is_trouble = _why(task_id, scene)
    age = (scene.now - backlog.oldest) / SECOND
    runs = "1 run waits" if backlog.runs == 1 else f"{backlog.runs} runs wait"
    oldest = f"for {age:.0f} s" if backlog.runs == 1 else f"the oldest for {age:.0f} s"
    comma = " " if backlog.runs == 1 else ", "
    text = f"task {task_id}: {runs}{comma}{oldest}: {why}"
    return Wait(task_id, backlog.oldest, text, is_trouble, why == COULD_START)


def _why(task_id: str, scene: Scene) -> tuple[str, bool]:
    task = scene.tasks.get(task_id)
    if task is None or (scene.known is not None and task_id not in scene.known):
        return "no node that was asked knows it", True
    if task_id in scene.stuck and task.record.policy.overlap is not Overlap.ALLOW:
        return f"an attempt that timed out is still stuck at {scene.stuck[task_id]}", True
    limits = _limits(task, scene)
    if limits:
        return "; ".join(limits), False
    own = [run for run in scene.running if run.task_id == task_id]
    if own and task.record.policy.overlap is not Overlap.ALLOW:
        return f"its run {_of(own[0])} goes on, and overlap lets one run at a time", False
    queue = task.record.policy.queue
    if not _is_served(queue, scene.queues):
        if _is_served(queue, scene.queues_elsewhere):
            return f"another node serves its queue {queue!r}, and has not started it yet", True
        return f"no node that is up runs what is in its queue {queue!r}", True
    used, slots = scene.slots.get(task.record.executor, (0, 1))
    if used >= slots:
        return f"all {slots} slots for {task.record.executor} are taken", True
    return COULD_START, True


def _is_served(queue: str, queues: Collection[str] | None) -> bool:
    return queues is None or queue in queues


def _limits(task: StoredTask, scene: Scene) -> list[str]:
    """Return those limits of a task that may hold its runs back now, in words."""
    policy, found = task.record.policy, []
    running = Counter(run.task_id for run in scene.running)
    of_task = running[task.record.id]
    if policy.max_running is not None and of_task >= policy.max_running:
        found.append(f"{of_task} of {policy.max_running} running, {said(policy.max_running)}")
    if policy.rate is not None:
        found.append(f"starts are spread by rate={policy.rate}")
    if policy.group is not None:
        limit = scene.groups.get(policy.group, ALONE)
        of_group = sum(
            count
            for id_, count in running.items()
            if id_ in scene.tasks and scene.tasks[id_].record.policy.group == policy.group
        )
        if limit.max_running is not None and of_group >= limit.max_running:
            most = f"{of_group} of {limit.max_running} running in group {policy.group}"
            found.append(f"{most}, {said(limit.max_running)}")
        if limit.rate is not None:
            found.append(f"starts in group {policy.group} are spread by rate={limit.rate}")
    return found


def said(max_running: int) -> str:
    """Write that limit as it stands in a task."""
    return f"max_running={max_running}"


def _of(run: Run) -> str:
    return "started by hand" if run.fire_time is None else f"of {to_iso(run.fire_time)}"
