"""A task: a function with its options, known by its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from rota.core.trigger import Trigger


class Overlap(StrEnum):
    """What happens to an occurrence whose task still runs."""

    SKIP = "skip"
    QUEUE = "queue"
    REPLACE = "replace"
    ALLOW = "allow"


class Catchup(StrEnum):
    """Which occurrences that fell into a downtime still run."""

    LATEST = "latest"
    NONE = "none"
    ALL = "all"


class OnCrash(StrEnum):
    """What becomes of a run whose worker died: attempted again, or ended as lost."""

    RESTART = "restart"
    LOSE = "lose"


class ExecutorName(StrEnum):
    """Where an attempt runs: the task loop, a thread, or a process that can be killed."""

    ASYNC = "async"
    THREAD = "thread"
    PROCESS = "process"


JOB = "job"
"""The kind of trigger of a task that has none."""

LIMITED_QUEUE = 100
"""The most occurrences that wait, for a task under a limit without its own `queue_limit`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a task's runs; all spans are seconds."""

    max_retries: int = 3
    timeout: float = 300.0
    overlap: Overlap = Overlap.SKIP
    queue_limit: int | None = None  # of the runs that wait; None: see `most_waiting`
    catchup: Catchup = Catchup.LATEST
    catchup_window: float = 86400.0
    catchup_limit: int = 100
    start_deadline: float | None = None
    on_crash: OnCrash = OnCrash.RESTART
    max_crashes: int = 3
    retry_delay: float | tuple[float, ...] = 1.0  # several: before the first retry, the second, …
    retry_backoff: float = 2.0
    retry_max_delay: float = 3600.0
    retry_on: tuple[str, ...] = ()
    no_retry_on: tuple[str, ...] = ()
    queue: str = "default"  # which workers run it
    priority: int = 0  # which starts first: the higher number
    max_running: int | None = None  # runs at once, over all nodes
    rate: str | None = None  # starts in a time, over all nodes: "10/m"
    group: str | None = None  # tasks that keep limits together
    overlap_key: tuple[str, ...] = ()  # arguments by whose values `overlap` distinguishes runs
    key_ttl: float = 86400.0  # how long its first run keeps a key
    tags: tuple[str, ...] = ()
    pause_after_failures: int | None = None  # failed runs in a row
    total_timeout: float | None = None  # over all attempts of a run, from the start of the first

    @property
    def most_waiting(self) -> int | None:
        """Return how many of its occurrences may wait for their turn; None: no limit.

        One may wait for the task's own turn. Under a limit more waiting is to be expected; the
        number is so large that it bounds only a limit that is permanently too low.
        """
        if self.queue_limit is not None:
            return self.queue_limit
        if self.overlap is not Overlap.ALLOW:
            return 1
        return LIMITED_QUEUE if self.is_limited else None

    @property
    def limits(self) -> str:
        """Return its limits as they are written."""
        given = {"max_running": self.max_running, "rate": self.rate, "group": self.group}
        return " and ".join(f"{name}={value}" for name, value in given.items() if value is not None)

    @property
    def is_limited(self) -> bool:
        """Return whether its runs may have to wait for runs besides those of its own turn."""
        return not (self.max_running is None and self.rate is None and self.group is None)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a definition is written: the file's path, and the line (1-based) if known."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A validated definition, as the code says it: what to call, when, and by which rules."""

    id: str
    name: str
    func: Callable[..., Any]
    func_path: str
    trigger: str
    trigger_args: Mapping[str, Any]
    executor: ExecutorName
    policy: Policy = Policy()
    enabled: bool = True
    timezone: str = "UTC"
    dst: str = "adjust"
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    source: Source | None = None
    # Read from the two above, and counted from no anchor.
    rule: Trigger | None = field(default=None, compare=False, repr=False)


def lane_of(task: TaskDefinition, queue: str | None = None) -> str:
    """Return what a task's runs wait for: a slot of that kind, on a worker of that queue; `queue`
    is a run's own."""
    return f"{queue or task.policy.queue}.{task.executor}"


BY_PLACE = "*"
"""The name of a run's positional arguments among its arguments, if it has any."""

RUN_OPTIONS = ("max_retries", "timeout", "queue", "tags")
"""The options of a task that a single run may have of its own, besides `priority`."""


def arguments_of_run(
    task: TaskDefinition, given: Mapping[str, Any] | None
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Return the arguments that a run passes to its function: its own in place of the task's; with
    positional ones, they are all that it passes.
    """
    if not given:
        return task.args, task.kwargs
    if BY_PLACE not in given:
        return task.args, {**task.kwargs, **given}
    return given[BY_PLACE], {name: value for name, value in given.items() if name != BY_PLACE}


def policy_of_run(policy: Policy, options: Mapping[str, Any] | None) -> Policy:
    """Return the rules of a run: its own options in place of those of its task."""
    if not options:
        return policy
    own = {name: options[name] for name in RUN_OPTIONS if name in options}
    if "tags" in own:
        own["tags"] = tuple(own["tags"])
    return replace(policy, **own)


class TaskStatus(StrEnum):
    """The status of a task, in one word for lists."""

    RUNNING = "running"
    SCHEDULED = "scheduled"
    PAUSED = "paused"
    DISABLED = "disabled"
    FINISHED = "finished"
    READY = "ready"  # a job, or a task after others: it runs when it is enqueued, or these end
    MISSED = "missed"  # its date had passed long before it was first seen
    UNRESOLVED = "unresolved"
    BROKEN = "broken"  # it runs by the code: an edit of it does not fit


@dataclass(frozen=True, slots=True)
class Edit:
    """An option that was changed from outside the code, and what the code says in its place."""

    key: str
    value: Any
    code: Any
    mistake: str = ""  # why it is not applied
    was: Any = None  # what the code said when it was edited, if `has_moved`
    has_moved: bool = False  # the code says something else since
    at: datetime | None = None  # None: not known
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PauseView:
    """A pause as people see it; times are aware and in UTC."""

    held: str  # "task", "all", or "tag:" and the tag
    since: datetime
    until: datetime | None  # None: until it is resumed
    reason: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """What people see of a task; times are aware and in UTC."""

    id: str
    name: str
    func_path: str
    trigger: str
    trigger_args: Mapping[str, Any]
    enabled: bool
    max_retries: int
    timeout: float
    last_run: datetime | None
    next_run: datetime | None
    status: TaskStatus
    timezone: str = "UTC"
    paused: bool = False
    paused_until: datetime | None = None
    pause_reason: str = ""
    pauses: tuple[PauseView, ...] = ()  # that hold it; it is paused while any of them lasts
    tags: tuple[str, ...] = ()
    last_state: str | None = None
    description: str = ""
    file: str | None = None
    line: int | None = None
    edits: tuple[Edit, ...] = ()
    mistake: str = ""  # why the task is broken, and how to fix it
