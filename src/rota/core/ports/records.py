"""What goes into the ledger, and what comes out of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from rota.core.lifecycle import Settlement
from rota.core.pauses import OWN, Pause
from rota.core.reasons.run_reason import RunReason
from rota.core.run import Attempt, Cause, Run, State
from rota.core.task import Overlap, Policy
from rota.core.time import Instant
from rota.core.verification.rules import Rule


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task as the code defines it, for the ledger; `schedule` changes when its times do."""

    id: str
    name: str
    func_path: str
    trigger: str
    trigger_args: Mapping[str, Any]  # JSON
    timezone: str
    schedule: str  # fingerprint of trigger, arguments, zone and dst
    enabled: bool
    policy: Policy
    executor: str
    description: str = ""
    file: str | None = None
    line: int | None = None
    dst: str = "adjust"


@dataclass(frozen=True, slots=True)
class Edits:
    """What was changed from outside the code; None leaves what the code says.

    `other` keeps what this release cannot read: options of a later one, and damaged values.
    """

    name: str | None = None
    enabled: bool | None = None
    trigger_args: Mapping[str, Any] | None = None
    other: Mapping[str, Any] = field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        """Return every edit by its key."""
        own = {"name": self.name, "enabled": self.enabled, "trigger_args": self.trigger_args}
        return {**{key: value for key, value in own.items() if value is not None}, **self.other}


EDITABLE = ("name", "enabled", "trigger_args")
"""The options that may be edited."""

NO_EDITS = Edits()


@dataclass(frozen=True, slots=True)
class EditNote:
    """The author, reason and previous code value of an option's edit. `schedule` and `anchor` are
    those of the code's times, for an edit of `trigger_args`.
    """

    over: Any
    at: Instant
    by: str = ""
    reason: str = ""
    schedule: str | None = None
    anchor: Instant | None = None


OffStretch = tuple[Instant, Instant | None]
"""From when on a task was off (disabled, removed, paused), and when it was on again; None: not
yet."""


@dataclass(frozen=True, slots=True)
class StoredTask:
    """What the ledger knows of a task: its last registered record, and the edits on top of it."""

    record: TaskRecord
    anchor: Instant  # of its intervals
    planned_until: Instant  # every occurrence up to here has its row
    edits: Edits
    paused_since: Instant | None
    paused_until: Instant | None  # None while paused: until resumed
    pause_reason: str
    seen_at: Instant  # when a node last knew it, to the day
    removed_at: Instant | None  # when it was taken out by `remove_task`
    revision: int  # rises with every change of this row but of `planned_until`
    skipped: tuple[Instant, ...] = ()  # future occurrences whose rows are skipped already
    edited: Mapping[str, EditNote] = field(default_factory=dict)  # of `edits`, if it is known
    rule_since: Instant | None = None  # since when these decide its occurrences; None: unknown
    off: tuple[OffStretch, ...] = ()  # but for the pause that may last; newest last
    pauses: tuple[Pause, ...] = ()  # that hold it: its own, by tag, of all tasks
    former: tuple[Rule, ...] = ()  # of other times, with occurrences that may have no row yet

    @property
    def holds(self) -> tuple[Pause, ...]:
        """Return the pauses that hold it, as a node of the release before may have changed them."""
        if self.paused_since is None:
            return ()
        own = Pause(OWN, self.paused_since, self.paused_until, self.pause_reason)
        return self.pauses or (own,)

    @property
    def tags(self) -> tuple[str, ...]:
        """Return its tags."""
        return self.record.policy.tags


class NewRun(NamedTuple):
    """A row to be planned. `state` is QUEUED or SCHEDULED if the occurrence is to run, else SKIPPED
    or MISSED with its reason.
    """

    id: str
    task_id: str
    fire_time: Instant | None
    cause: Cause
    state: State
    reason: RunReason
    available_at: Instant
    created_at: Instant
    overlap: Overlap
    queue_limit: int | None = None  # see `Policy.most_waiting`
    max_running: int | None = None  # with overlap ALLOW: so many of its task need not wait
    limits: str = ""  # with overlap ALLOW: what it waits for, in words
    caught_up: bool = False  # waits for its turn whatever `overlap` says
    follows: int = 0  # so many may wait after those that are caught up, whatever `overlap` says
    occurrence_count: int = 1
    arguments: Mapping[str, Any] | None = None
    claim: str | None = None  # the node that starts it at once, if nothing of its task is active
    early: bool = False  # its time is still to come: see `Transaction.plan`
    retry_of: str | None = None  # the id of the run that this one does again
    priority: int = 0
    offered: bool = False  # may be published at once, if nothing of its task is active
    key: str | None = None
    options: Mapping[str, Any] | None = None
    overlap_key: str | None = None  # it is exclusive among the runs of its task with the same
    nominal_time: Instant | None = None  # that its rule names, if a calendar moved it
    upstream: Mapping[str, str] | None = None  # task → run: whose ends name it
    replay_time: Instant | None = None  # the instant of the occurrence that it does again


class PlannedRun(NamedTuple):
    """A row that this call really wrote. If `state` is None, it was left for its time."""

    run_id: str
    task_id: str
    state: State | None
    reason: RunReason


class OnConflict(StrEnum):
    """What becomes of a run whose key another run has already."""

    RETURN = "return"  # it is not made: the first one is returned
    REPLACE = "replace"  # the first one, if it waits, is cancelled
    ERROR = "error"


class Enqueued(NamedTuple):
    """A run that was enqueued, or the earlier one that has its key."""

    run_id: str
    is_new: bool = True


class Waiting(NamedTuple):
    """A run that could be claimed."""

    run_id: str
    task_id: str
    fire_time: Instant | None
    available_at: Instant
    attempt: int
    exclusive: bool
    priority: int = 0
    options: Mapping[str, Any] | None = None


class ClaimVerdict(NamedTuple):
    """What to do with the waiting runs: claim these; these are missed, for a reason: their
    `start_deadline` has passed."""

    take: Sequence[str]
    miss: Sequence[tuple[str, str]] = ()


NO_STEPS: Mapping[str, Any] = MappingProxyType({})


class Claim(NamedTuple):
    """A run that this node may attempt, under `fence`."""

    run_id: str
    task_id: str
    fire_time: Instant | None
    cause: Cause
    attempt: int  # the number of the attempt to make
    failures: int
    crashes: int
    fence: int
    arguments: Mapping[str, Any] | None
    checkpoint: Any
    steps: Mapping[str, Any] = NO_STEPS  # key → value, of those that are done
    damage: str = ""  # what of its row cannot be read
    options: Mapping[str, Any] | None = None
    started_at: Instant | None = None  # of its first attempt; None if this is the first one
    replay: int | None = None  # its number, if it does an occurrence again


class AttemptEnd(NamedTuple):
    """The end of an attempt, and what the run becomes; refused if `fence` is no longer right."""

    attempt: Attempt
    fence: int
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """One process of rota."""

    id: str  # new at every start
    name: str
    host: str
    pid: int
    version: str
    slots: int
    started_at: Instant
    seen_at: Instant
    lease_until: Instant
    state: str  # up | draining | stopped | gone
    info: Mapping[str, Any] = field(default_factory=dict)


class Orphan(NamedTuple):
    """A running run whose node is gone."""

    run: Run
    policy: Policy
    is_spared: bool = False  # another task is blamed for the death of its node


class HeartbeatAnswer(NamedTuple):
    """The answer to a heartbeat."""

    alive: bool  # False: others declared this node gone; its claims are void
    cancel: Mapping[str, str]  # run id → reason, for runs of this node that are to be cancelled
    draining: bool = False  # it is to take no new runs


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs; None means all. Times are instants, `since` inclusive, `until` exclusive, and are
    compared with the run's fire time, or with its creation if it has no fire time. `tag` is one of
    the tags that the run was enqueued with; those of its task are not looked at.
    """

    task_id: str | None = None
    states: Collection[State] | None = None
    causes: Collection[Cause] | None = None
    since: Instant | None = None
    until: Instant | None = None
    tag: str | None = None


EVERY_RUN = RunFilter()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of runs and the cursor of the next, None on the last."""

    runs: list[Run]
    next: str | None


class Damage(NamedTuple):
    """A column of a row whose content is invalid; another value is read in its place."""

    table: str
    key: str  # of the row
    column: str
    what: str  # it holds

    def __str__(self) -> str:
        return f"column {self.column} of {self.table} {self.key!r} holds {self.what}"


class Backlog(NamedTuple):
    """The runs of one task that wait and could start."""

    runs: int
    oldest: Instant  # the first available_at


class Counts(NamedTuple):
    """How many runs have not ended, and since when the oldest one that could run waits."""

    waiting: int
    running: int
    oldest_due: Instant | None  # available_at of the oldest waiting run whose time has come

    @property
    def busy(self) -> bool:
        """Return whether any run has not ended."""
        return bool(self.waiting or self.running)


class Failures(NamedTuple):
    """Runs of a task that failed or were lost in one slice of time, for one kind of reason."""

    slice: int  # numbered from 0
    task_id: str
    kind: str  # see core.run.failure_kind
    runs: int  # how many
    first: Instant  # when the first of them ended
    last: Instant
    example: str  # the id of the newest
    reason: str  # of that one


class RunSpanAggregate(NamedTuple):
    """Ended runs of a task in one state that began in one slice of time and ended in one.

    What never started began and ended at its fire time. What began before `since` counts as begun
    then.
    """

    task_id: str
    state: State
    began: int  # the slice, numbered from 0
    ended: int
    runs: int  # how many
    first: Instant  # when the first of them began
    last: Instant  # when the last of them ended
    begins: int  # how long after `since` they began, summed up
    ends: int  # how long after `since` they ended, summed up
    example: str  # the id of the newest


class VerificationMark(NamedTuple):
    """How far something has come."""

    name: str
    at: Instant
    until: Instant | None = None
    value: str | None = None  # JSON


class StateCount(NamedTuple):
    """How many runs of one state there are in a slice of time."""

    slice: int  # numbered from 0
    state: State
    runs: int  # how many
