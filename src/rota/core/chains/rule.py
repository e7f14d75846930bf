"""When a task runs after others: which ends of theirs name its occurrences."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from rota.core.reasons import ReasonCode
from rota.core.run import State
from rota.core.time import Instant

AFTER = "after"
"""The kind of trigger of a task that runs after others."""


DOWNSTREAM = "downstream"
"""The option of a run whose end names no occurrences of the tasks after it, if it is False."""


class On(StrEnum):
    """Which ends of an upstream run name an occurrence."""

    SUCCESS = "success"
    FAILURE = "failure"
    END = "end"


class UpstreamEnd(NamedTuple):
    """How a run of an upstream task ended."""

    run_id: str
    task_id: str
    fire_time: Instant | None
    state: State
    attempt: int = 1  # attempts begun


class Link(NamedTuple):
    """What a task runs after: `tasks`, all of them or any one, if they ended as `on` says."""

    tasks: tuple[str, ...]
    on: On = On.SUCCESS
    all: bool = True

    @property
    def is_fan_in(self) -> bool:
        """Return whether several ends make one occurrence."""
        return self.all and len(self.tasks) > 1


class Named(NamedTuple):
    """An occurrence that upstream ends name. `other` is the end that is not as `on` says: then the
    occurrence is skipped.
    """

    ends: tuple[UpstreamEnd, ...]
    other: UpstreamEnd | None = None

    @property
    def reason(self) -> str:
        """Return why it is skipped; "" if it is not."""
        if self.other is None:
            return ""
        return f"{self.other.task_id} ended otherwise: its run {self.other.run_id} is" + (
            f" {self.other.state}"
        )


_FAILED = frozenset({State.FAILED, State.LOST})
_ENDED = _FAILED | {State.SUCCEEDED, State.CANCELLED}

HELD_BACK = frozenset({ReasonCode.PAUSED, ReasonCode.DISABLED})
"""The reasons of runs that were cancelled before their time because their task is paused or
disabled: that is no end, for the task may be on again before that time."""


def is_end(state: State, attempt: int, code: ReasonCode | None) -> bool:
    """Return whether a run that is over counts as ended for the tasks after it."""
    return not (state is State.CANCELLED and attempt == 0 and code in HELD_BACK)


def is_as_wanted(on: On, end: UpstreamEnd) -> bool:
    """Return whether an upstream run ended as `on` says.

    A failure is a run that failed or was lost. An end is one of these, a success, a cancellation,
    or any end of a run of which an attempt was made: an occurrence that was skipped or missed
    before that has not run.
    """
    match on:
        case On.SUCCESS:
            return end.state is State.SUCCEEDED
        case On.FAILURE:
            return end.state in _FAILED
    return end.state in _ENDED or end.attempt > 0


def named_by(link: Link, end: UpstreamEnd, others: Mapping[str, UpstreamEnd]) -> Named | None:
    """Return the occurrence that an upstream end names, None if it names none (yet).

    `others` are the ends of the other upstream tasks with the same fire time. A run without a fire
    time never completes a fan-in: no other run has its key.
    """
    is_wanted = is_as_wanted(link.on, end)
    if not link.is_fan_in:
        if is_wanted:
            return Named((end,))
        # Beside any of several, or a failure, the other end is nothing that did not run.
        is_expected = link.all and link.on is not On.FAILURE
        return Named((end,), end) if is_expected else None
    if end.fire_time is None:
        return None
    ends = {**others, end.task_id: end}
    found = tuple(ends[task_id] for task_id in link.tasks if task_id in ends)
    other = next((one for one in found if not is_as_wanted(link.on, one)), None)
    if other is not None:
        return Named(found, other)
    return Named(found) if len(found) == len(link.tasks) else None


def upstream_ids(args: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the upstream tasks that the arguments of a trigger `after` name."""
    tasks = args.get("tasks", ())
    return (tasks,) if isinstance(tasks, str) else tuple(tasks)


def link_of(args: Mapping[str, Any]) -> Link:
    """Return what the arguments of a trigger `after` say, as the ledger has them; what of them is
    no such word is left out."""
    on = args.get("on", On.SUCCESS)
    tasks = tuple(one for one in upstream_ids(args) if isinstance(one, str))
    return Link(tasks, On(on) if on in set(On) else On.SUCCESS, args.get("all", True) is not False)


def cycle_through(task_id: str, links: Mapping[str, Collection[str]]) -> list[str]:
    """Return the shortest path on which a task runs after itself, from itself to itself; none: [].

    `links` has the upstream tasks of each task that has any.
    """
    paths: list[Sequence[str]] = [(task_id,)]
    seen: set[str] = set()
    for path in paths:
        for before in links.get(path[-1], ()):
            if before == task_id:
                return [*path, task_id]
            if before not in seen:
                seen.add(before)
                paths.append((*path, before))
    return []
