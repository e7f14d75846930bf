"""The tasks that this node knows: what the code defines, with the ledger's state on top."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rota import triggers
from rota.core import catchup
from rota.core.ports.records import OffStretch, StoredTask, TaskRecord
from rota.core.ports.windows import OpenedWindow
from rota.core.task import Edit, Overlap, Policy, TaskDefinition
from rota.core.time import SECOND, Instant
from rota.core.trigger import Trigger
from rota.core.verification.rules import Rule
from rota.definitions.define import json_args
from rota.engine.planning.edits import fingerprint, laid_over, mistake_of
from rota.engine.planning.former_rules import in_place_of
from rota.triggers.calendars.windows import (
    MaintenanceWindow,
    Windows,
    opened_window,
    outside_windows,
)

_NOT_LOOKED_UP = (None, 0, None)


class RegisteredTask:
    """One known task.

    `planned_until`: every occurrence up to it is planned. `settled`: the instant up to which former
    rules name its occurrences, if some of these are yet to be planned, else 0. `owes_first`: there
    may be no row yet for `first`, an instant that had passed when the times were first seen, even
    if it lies before `planned_until`.
    """

    __slots__ = (
        "_former",
        "_next",
        "_off",
        "_rule",
        "_skipped",
        "_windows",
        "anchor",
        "definition",
        "edits",
        "enabled",
        "firing",
        "first",
        "has_calendar",
        "is_behind",
        "is_current",
        "known_since",
        "mistake",
        "name",
        "owes_first",
        "paused",
        "paused_since",
        "paused_until",
        "planned_until",
        "policy",
        "revision",
        "settled",
        "trigger",
        "trigger_args",
        "windows",
    )

    def __init__(
        self, definition: TaskDefinition, now: Instant, windows: Sequence[MaintenanceWindow] = ()
    ) -> None:
        self.definition = definition
        self.policy: Policy = definition.policy
        self._windows = windows
        self.name = definition.name
        self.enabled = definition.enabled
        self.trigger_args: Mapping[str, Any] = definition.trigger_args
        self.edits: tuple[Edit, ...] = ()
        self.mistake = ""  # why it is broken: an edit does not fit the code
        self.anchor = now
        rule, args = definition.rule, definition.trigger_args
        rule = None if rule is None else triggers.anchored(rule, args, now)
        self._rule = rule or parse(definition, args, now)
        self._off: tuple[OffStretch, ...] = () if self.enabled else ((now + 1, None),)
        self._skipped: tuple[Instant, ...] = ()
        self._former: tuple[Rule, ...] = ()
        self.planned_until = triggers.planned_until_at(self._rule, now) if self.enabled else now
        self.is_behind = True  # instants after `planned_until` may have passed
        self.known_since: Instant | None = None  # by this node, in the life it lives
        self.paused = False
        self.paused_since: Instant | None = None
        self.paused_until: Instant | None = None
        self.revision = -1
        self.is_current = True  # the ledger has its times, not those of another release
        self._next: tuple[Trigger | None, Instant, Instant | None] = _NOT_LOOKED_UP
        self._derive(now)
        self.owes_first = self.first is not None

    def is_off(self, now: Instant) -> bool:
        """Return whether its trigger starts nothing at `now`: it is disabled or paused."""
        return not self.enabled or self.is_paused(now)

    def is_paused(self, now: Instant) -> bool:
        """Return whether it is paused at `now`."""
        return self.paused and (self.paused_until is None or now < self.paused_until)

    def next_run(self, now: Instant) -> Instant | None:
        """Return the instant of the next occurrence that will be planned and started."""
        after, trigger = max(self.planned_until, now), self.firing
        if (
            self.owes_first
            and self.first is not None
            and self.starts_first(now)
            and self.rejection(self.first) is None
        ):
            return self.first
        of, since, found = self._next
        if of is not trigger or after < since or (found is not None and after >= found):
            found = trigger.next_after(after)
            self._next = trigger, after, found  # it stays the next until it has come
        return found

    @property
    def can_fire(self) -> bool:
        """Return whether its trigger has further times, even if the task is disabled or paused."""
        firing = triggers.firing(self._rule)
        return self.owes_first or firing.next_after(self.planned_until) is not None

    @property
    def rule(self) -> Trigger:
        """Return the trigger by its present rule alone: neither a pause nor a skip is applied to
        it. What a calendar skips is left out.
        """
        return triggers.firing(self._rule)

    def rejection(self, instant: Instant) -> catchup.Rejection | None:
        """Return why its calendar or a window skips an occurrence; None if neither does."""
        if self.firing is self.trigger:
            return None
        rule = triggers.calendar_rule(self.trigger, instant) if self.has_calendar else None
        found = None if rule is None else rule.rejection(instant)
        if found is not None or not self.windows.windows:
            return found
        return self.windows.rejection(triggers.firing(self.trigger), instant)

    def firing_of(self, trigger: Trigger) -> Trigger:
        """Return what starts of a trigger that is derived from its own; the same object if all
        does."""
        if trigger is self.trigger:
            return self.firing
        return outside_windows(triggers.firing(trigger), self.windows)

    def nominal_time(self, instant: Instant) -> Instant | None:
        """Return the instant that its rule names for an occurrence, if its calendar moved that."""
        if not self.has_calendar:
            return None
        rule = triggers.calendar_rule(self.trigger, instant)
        nominal = instant if rule is None else rule.nominal_of(instant)
        return None if nominal == instant else nominal

    @property
    def due_after(self) -> Instant:
        """Return the instant after which there may be an occurrence without a row."""
        if self.owes_first and self.first is not None:
            return min(self.planned_until, self.first - 1)
        return self.planned_until

    def starts_first(self, now: Instant) -> bool:
        """Return whether the instant that had passed when the task was first seen starts all the
        same: it had just passed, and that is not long ago.
        """
        return self.first is not None and not self.is_late and now - self.anchor <= catchup.GRACE

    @property
    def is_late(self) -> bool:
        """Return whether it has a date that had passed long before it was first seen."""
        return self.first is not None and self.anchor - self.first > catchup.GRACE

    def follow(self, before: RegisteredTask) -> None:
        """Take the place of another definition of the task, until the ledger says how far it is
        planned.
        """
        self.planned_until = before.planned_until
        if self._rule == before._rule:
            self.owes_first = before.owes_first

    def fall_back(self, planned_until: Instant, *, owes_first: bool = False) -> None:
        """Look again at every occurrence after `planned_until`, and at `first` if it
        `owes_first`.
        """
        self.planned_until = min(self.planned_until, planned_until)
        self.owes_first |= owes_first
        self.is_behind = True

    def lay_over(self, stored: StoredTask, now: Instant) -> None:
        """Apply what the ledger knows: anchor, pause, edits, skipped occurrences; and
        `planned_until` if these changed. An edit that does not fit the code is not applied: it is
        the entry's `mistake`.

        A pause does not move `planned_until`: the trigger is derived from what is applied now, so
        that an edit that was undone leaves no trace. Once it was read, only this node's own
        planning moves it: other nodes may have moved theirs by other times. If it lags behind, that
        costs a look at rows that exist; if it is too far ahead, occurrences are lost. So one after
        `now`, which a clock that was ahead wrote, is taken as `now`.
        """
        before, code = self._laid_over(), stored.record
        times, is_new = (self.trigger_args, self.anchor), self.revision < 0
        if self.revision >= 0 or stored.edits.given():  # else it was just registered by this node
            code = record(self.definition)
        laid = laid_over(self.definition, code, stored, self._rule)
        self.name, self.enabled, self.trigger_args, self._rule, self.edits = laid
        self.mistake = mistake_of(code.id, self.edits) if self.edits else ""
        self.anchor, self._skipped, self._off = stored.anchor, stored.skipped, _off(self, stored)
        self.paused = stored.paused_since is not None
        self.paused_since, self.paused_until = stored.paused_since, stored.paused_until
        self._former = stored.former
        planned = stored.former[0].planned_until if stored.former else stored.planned_until
        planned = min(planned, now)
        if self.revision < 0:
            self.planned_until = planned
        else:
            self.is_current = stored.record.schedule == code.schedule
            if before != self._laid_over():
                # Rows of this node may still be on their way to the ledger: never go back behind
                # them.
                self.planned_until = max(self.planned_until, planned)
        self.is_behind = True  # its next instants are counted from `planned_until`
        self.revision = stored.revision
        self._derive(now)
        if is_new or (self.trigger_args, self.anchor) != times:
            # Another node, or a write on its way, may have moved the ledger's since an edit.
            is_planned = is_new and self.first is not None and stored.planned_until >= self.first
            self.owes_first = self.first is not None and not is_planned

    def rewind(self, now: Instant) -> None:
        """Plan from `now` on if `planned_until` lies after it: the clock was ahead."""
        self.fall_back(now)
        self._derive(now)

    def _derive(self, now: Instant) -> None:
        """Derive the trigger from the rule and what is applied to it, as they are at `now`."""
        stretches = [*_stretches(self._off, now)]
        if self.paused_since is not None:
            until = triggers.FOREVER if self.paused_until is None else self.paused_until
            stretches.append((min(self.paused_since, now), until))
        rule, self.settled = self._rule, 0
        if self._former:
            rule = in_place_of(self._former, self._rule, now)
            if isinstance(rule, triggers.Replaced):
                self.settled = rule.until
        self.trigger = triggers.outside(triggers.without(rule, self._skipped), stretches)
        self.use_windows(self._windows)
        self.has_calendar = triggers.has_calendar(self.trigger)
        self.first = triggers.passed_first(self._rule, self.anchor)

    def use_windows(self, windows: Sequence[MaintenanceWindow]) -> None:
        """Judge occurrences by those of the windows that are about this task."""
        self._windows = windows
        tags = self.policy.tags
        mine = tuple(one for one in windows if one.concerns(self.definition.id, tags))
        self.windows = Windows(mine, self.policy.overlap is not Overlap.ALLOW)
        self.firing = outside_windows(triggers.firing(self.trigger), self.windows)

    def _laid_over(self) -> tuple[object, ...]:
        return self.enabled, self.trigger_args, self.paused, self.paused_until


def _off(entry: RegisteredTask, stored: StoredTask) -> tuple[OffStretch, ...]:
    """Return the stretches in which a task was, or is, disabled, removed or paused; a pause that
    may still last is not among them.
    """
    closed = [one for one in stored.off if one[1] is not None]
    since = [one[0] for one in stored.off if one[1] is None]
    if not entry.enabled:  # by this node's own code, perhaps, and not by another release's
        closed.append((since[0] if since else stored.planned_until + 1, None))
    elif since:  # a node of an older release enabled it, which moved `planned_until`
        closed.append((since[0], stored.planned_until + 1))
    return tuple(closed)


def _stretches(off: Iterable[OffStretch], now: Instant) -> Iterator[triggers.Stretch]:
    """Yield the stretches as they can be at `now`: what a clock that was ahead wrote has not
    happened yet.
    """
    for since, until in off:
        if until is None:
            yield min(since, now + 1), triggers.FOREVER
        elif since <= now:
            yield since, min(until, now + SECOND)


class Registry:
    """Every task of this node by its id; safe to read from any thread."""

    def __init__(self) -> None:
        self._entries: dict[str, RegisteredTask] = {}
        self.limited: set[str] = set()  # the tasks with limits
        self._by_executor: dict[str, set[str]] = {}
        self.revision = -1
        self.windows: tuple[MaintenanceWindow, ...] = ()
        self.opened: tuple[OpenedWindow, ...] = ()  # those of `windows` that were opened manually
        self._planned: tuple[MaintenanceWindow, ...] = ()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._entries

    def get(self, task_id: str) -> RegisteredTask | None:
        """Return the entry of a task."""
        return self._entries.get(task_id)

    def entries(self) -> list[RegisteredTask]:
        """Return every entry, in the order of their adding."""
        return list(self._entries.values())

    def put(self, entry: RegisteredTask) -> None:
        """Add a task, in place of one with the same id."""
        task_id = entry.definition.id
        before = self._entries.get(task_id)
        self._entries[task_id] = entry
        self._by_executor.setdefault(entry.definition.executor, set()).add(task_id)
        if before is not None and before.definition.executor != entry.definition.executor:
            self._by_executor[before.definition.executor].discard(task_id)
        (self.limited.add if entry.policy.is_limited else self.limited.discard)(task_id)

    def plan_windows(self, windows: Sequence[MaintenanceWindow]) -> None:
        """Take the windows that the configuration plans, before any task is added."""
        self.windows = self._planned = tuple(windows)

    def take_windows(self, opened: Sequence[OpenedWindow]) -> bool:
        """Take the windows that were opened manually; returns whether they are others now."""
        if self.opened == tuple(opened):
            return False
        self.opened = tuple(opened)
        self.windows = (*self._planned, *map(opened_window, opened))
        for entry in self.entries():
            entry.use_windows(self.windows)
        return True

    def discard(self, task_id: str) -> RegisteredTask | None:
        """Remove a task."""
        self.limited.discard(task_id)
        entry = self._entries.pop(task_id, None)
        if entry is not None:
            self._by_executor[entry.definition.executor].discard(task_id)
        return entry

    def executors(self) -> list[str]:
        """Return the executors that have a task."""
        return [name for name, ids in list(self._by_executor.items()) if ids]

    def of_executors(self, names: Iterable[str]) -> list[str]:
        """Return the ids of the tasks that these executors run."""
        return [task_id for name in names for task_id in list(self._by_executor.get(name, ()))]


def parse(definition: TaskDefinition, args: Mapping[str, Any], anchor: Instant) -> Trigger:
    """Return the trigger of a definition; raises TriggerError."""
    return triggers.parse(
        definition.trigger,
        args,
        timezone=definition.timezone,
        dst=definition.dst,
        anchor=anchor,
        task_id=definition.id,
    )


def record(definition: TaskDefinition) -> TaskRecord:
    """Return the record of a definition for the ledger."""
    args = json_args(definition.trigger_args)
    source = definition.source
    return TaskRecord(
        id=definition.id,
        name=definition.name,
        func_path=definition.func_path,
        trigger=definition.trigger,
        trigger_args=args,
        timezone=definition.timezone,
        schedule=fingerprint(definition.trigger, args, definition.timezone, definition.dst),
        enabled=definition.enabled,
        policy=definition.policy,
        executor=definition.executor.value,
        description=definition.description,
        file=source.file if source else None,
        line=source.line if source else None,
        dst=definition.dst,
    )


def records(entries: Iterable[RegisteredTask]) -> list[TaskRecord]:
    """Return the records of several definitions."""
    return [record(entry.definition) for entry in entries]
