"""The trigger of a task that runs after others: their ends name its occurrences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rota.core.chains.rule import AFTER, Link, On
from rota.core.time import Instant
from rota.core.trigger import Trigger
from rota.errors import TriggerError, nearest
from rota.triggers.kinds.kind import BOUNDS, Args, Reading, TriggerKind
from rota.triggers.trigger_errors import refuse
from rota.triggers.words import bounds_in_words, delay, join

MOST_TASKS = 100
"""The most tasks that one task runs after."""

_EXAMPLE = "Write tasks='extract' or tasks=['extract', 'load']."


@dataclass(frozen=True, slots=True)
class AfterTrigger:
    """No instant by itself: the ledger names one when upstream runs have ended as `link` says."""

    kind: ClassVar[str] = AFTER

    link: Link
    timezone: str
    start: Instant | None
    end: Instant | None
    jitter: Instant
    exceptions: tuple[Trigger, ...] = ()

    def next_after(self, after: Instant) -> Instant | None:
        """Return None: there is no instant before an upstream run has ended."""
        return None

    def last_before(self, at: Instant) -> Instant | None:
        """Return None: see `next_after`."""
        return None

    def admits(self, instant: Instant) -> bool:
        """Return whether an instant that an upstream end names may be an occurrence: it is within
        the bounds, and no exception names it.
        """
        if self.start is not None and instant < self.start:
            return False
        if self.end is not None and instant > self.end:
            return False
        return not any(one.last_before(instant) == instant for one in self.exceptions)


def read(reading: Reading) -> AfterTrigger:
    """Return the trigger of the arguments; raises TriggerError."""
    if reading.depth:
        what = "A task that runs after others has no times to combine."
        raise TriggerError(what, field="trigger", remedy="Make it the trigger of a task.")
    args = reading.args
    nothing: tuple[str, ...] = ()
    tasks = reading.read(nothing, _tasks, args.get("tasks"))
    on = reading.read(On.SUCCESS, _on, args.get("on", On.SUCCESS))
    every = args.get("all", True)
    if not isinstance(every, bool):
        reading.errors.append(refuse("all", every, "neither True nor False"))
        every = True
    bounds = reading.bounds()
    if reading.task_id and reading.task_id in tasks:
        reading.errors.append(refuse("tasks", reading.task_id, "the task itself", _EXAMPLE))
    reading.finish()
    link = Link(tasks, on, every)
    return AfterTrigger(link, bounds.zone.key, bounds.start, bounds.end, bounds.jitter)


def _tasks(value: object) -> tuple[str, ...]:
    if value is None:
        raise TriggerError("A task that runs after others names them.", field="tasks",
                           remedy=_EXAMPLE)  # fmt: skip
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, (list, tuple)) or not 1 <= len(listed) <= MOST_TASKS:
        raise refuse("tasks", value, f"not a list of 1 to {MOST_TASKS} ids of tasks", _EXAMPLE)
    for one in listed:
        if not isinstance(one, str) or not one.strip():
            raise refuse("tasks", one, "not the id of a task", _EXAMPLE)
    return tuple(dict.fromkeys(listed))


def _on(value: object) -> On:
    if isinstance(value, str) and value in list(On):
        return On(value)
    known = [one.value for one in On]
    remedy = nearest(value, known) if isinstance(value, str) else ""
    raise refuse("on", value, f"none of {', '.join(known)}", remedy)


_ENDED = {
    On.SUCCESS: ("has succeeded", "have succeeded"),
    On.FAILURE: ("has failed", "have failed"),
    On.END: ("has ended", "have ended"),
}


def words(rule: AfterTrigger, args: Args) -> str:
    """Describe the trigger."""
    link, (one, several) = rule.link, _ENDED[rule.link.on]
    named = join(link.tasks, "and" if link.all else "or")
    ended = several if link.is_fan_in else one
    bounds = bounds_in_words(rule.start, rule.end, rule.timezone)
    zone = f", {rule.timezone}" if bounds else ""
    return f"after {named} {ended}{bounds}{delay(rule.jitter)}{zone}"


KIND = TriggerKind(
    name=AFTER,
    meaning="when runs of other tasks have ended",
    arguments={
        "tasks": "the id of a task, or a list of them: the tasks after which it runs",
        "on": 'which ends count: `"success"`, `"failure"` (failed or lost), `"end"`',
        "all": "`True`: once all of them have ended so for the same fire time; `False`: once any",
        **BOUNDS,
    },
    example={"tasks": ["extract", "load"], "on": "success"},
    read=read,
    words=words,
    short=AFTER,
    takes="tasks",
    names_moment=lambda _: False,
)
