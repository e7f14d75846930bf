"""The tasks that this node knows: what the code defines, with what the ledger lays over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rota import triggers
from rota.core.instants import Instant
from rota.core.records import StoredTask, TaskRecord
from rota.core.schedule import Trigger
from rota.core.task import Edit, Policy, TaskDefinition
from rota.discovery.definitions import json_args
from rota.engine.edits import fingerprint, laid_over, mistake_of

_NOT_LOOKED_UP = (None, 0, None)


class Entry:
    """One known task. `cursor`: every occurrence up to it is planned."""

    __slots__ = (
        "_next",
        "_rule",
        "cursor",
        "definition",
        "edits",
        "enabled",
        "is_current",
        "mistake",
        "name",
        "paused",
        "paused_until",
        "policy",
        "revision",
        "trigger",
        "trigger_args",
    )

    def __init__(self, definition: TaskDefinition, now: Instant) -> None:
        self.definition = definition
        self.policy: Policy = definition.policy
        self.name = definition.name
        self.enabled = definition.enabled
        self.trigger_args: Mapping[str, Any] = definition.trigger_args
        self.trigger = self._rule = parse(definition, definition.trigger_args, now)
        self.edits: tuple[Edit, ...] = ()
        self.mistake = ""  # why it is broken: an edit does not fit the code
        self.cursor = now
        self.paused = False
        self.paused_until: Instant | None = None
        self.revision = -1
        self.is_current = True  # the ledger has it with these times, not with another release's
        self._next: tuple[Trigger | None, Instant, Instant | None] = _NOT_LOOKED_UP

    def is_quiet(self, now: Instant) -> bool:
        """Say whether its trigger fires nothing at `now`: disabled or paused."""
        return not self.enabled or self.is_paused(now)

    def is_paused(self, now: Instant) -> bool:
        """Say whether it is paused at `now`."""
        return self.paused and (self.paused_until is None or now < self.paused_until)

    def next_run(self, now: Instant) -> Instant | None:
        """Return the instant of the next occurrence that will be planned."""
        if self.is_idle:
            return None
        after, trigger = max(self.cursor, now), self.trigger
        of, since, found = self._next
        if of is not trigger or after < since or (found is not None and after >= found):
            found = trigger.next_after(after)
            self._next = trigger, after, found  # it stays the next until it has come
        return found

    @property
    def is_idle(self) -> bool:
        """Say whether nothing will be planned until somebody changes that."""
        return not self.enabled or (self.paused and self.paused_until is None)

    def lay_over(self, stored: StoredTask, now: Instant) -> None:
        """Take what the ledger knows: anchor, pause, edits, what is skipped; the cursor where these
        changed. An edit that does not fit the code is not applied: it is the entry's `mistake`.

        Beyond that, a cursor that was taken once is moved by this node's own planning alone: other
        nodes may have moved theirs by other times. One that lags behind costs a look at rows that
        exist, one too far ahead loses occurrences: so one after `now`, which a clock that was ahead
        wrote, is taken as `now`.
        """
        before, code = self._laid_over(), stored.record
        if self.revision >= 0 or stored.edits.given():  # else it was just registered by this node
            code = record(self.definition)
        laid = laid_over(self.definition, code, stored, self._rule)
        self.name, self.enabled, self.trigger_args, rule, self.edits = laid
        self.mistake = mistake_of(code.id, self.edits) if self.edits else ""
        self.trigger = triggers.without(rule, stored.skipped)
        self.paused = stored.paused_since is not None
        self.paused_until = stored.paused_until
        planned = min(stored.planned_until, now)
        if self.revision < 0:
            self.cursor = planned
        else:
            self.is_current = stored.record.schedule == code.schedule
            if before != self._laid_over():
                # Rows of ours may still be on their way: never go back behind them.
                self.cursor = max(self.cursor, planned)
        self._heed_pause()
        self.revision = stored.revision

    def rewind(self, now: Instant) -> None:
        """Plan from `now` on where the cursor lies after it: the clock was ahead."""
        self.cursor = min(self.cursor, now)
        self._heed_pause()

    def _heed_pause(self) -> None:
        if self.paused_until is not None:
            self.cursor = max(self.cursor, self.paused_until - 1)

    def _laid_over(self) -> tuple[object, ...]:
        return self.enabled, self.trigger_args, self.paused, self.paused_until


class Registry:
    """Every task of this node by its id; safe to read from any thread."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self.limited: set[str] = set()  # the tasks with limits
        self._by_executor: dict[str, set[str]] = {}
        self.revision = -1

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, task_id: str) -> Entry | None:
        """Return the entry of a task."""
        return self._entries.get(task_id)

    def entries(self) -> list[Entry]:
        """Return every entry, in the order of their adding."""
        return list(self._entries.values())

    def put(self, entry: Entry) -> None:
        """Know a task, in place of one with the same id."""
        task_id = entry.definition.id
        before = self._entries.get(task_id)
        self._entries[task_id] = entry
        self._by_executor.setdefault(entry.definition.executor, set()).add(task_id)
        if before is not None and before.definition.executor != entry.definition.executor:
            self._by_executor[before.definition.executor].discard(task_id)
        (self.limited.add if entry.policy.is_limited else self.limited.discard)(task_id)

    def discard(self, task_id: str) -> Entry | None:
        """Know it no more."""
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
    """Build the trigger of a definition; raises TriggerError."""
    return triggers.parse(
        definition.trigger,
        args,
        timezone=definition.timezone,
        dst=definition.dst,
        anchor=anchor,
    )


def record(definition: TaskDefinition) -> TaskRecord:
    """Write a definition down for the ledger."""
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


def records(entries: Iterable[Entry]) -> list[TaskRecord]:
    """Write several down."""
    return [record(entry.definition) for entry in entries]
