"""When the times of a task change, or when it is switched off: how far it is planned, and in which
stretches it is off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rota import triggers
from rota.core.ports.records import OffStretch, StoredTask, TaskRecord
from rota.core.time import DAY, Instant
from rota.errors import TriggerError
from rota.ledger.sql import mapping

MOST_OFF = 100
"""The most stretches in which a task was off that are kept."""


def seen_first(record: TaskRecord, args: Mapping[str, Any], now: Instant) -> Instant:
    """Return the instant up to which nothing of these times, first seen at `now`, needs a row."""
    if not triggers.names_moment(record.trigger, args):
        return now
    rule = _read(record, args, now)
    return now if rule is None else triggers.planned_until_at(rule, now)


def _read(record: TaskRecord, args: Mapping[str, Any], now: Instant) -> triggers.Trigger | None:
    """Return the trigger of these times; None if they do not fit, or if a later release made
    them.
    """
    try:
        return triggers.parse(
            record.trigger, args, timezone=record.timezone, anchor=now, task_id=record.id
        )
    except TriggerError:
        return None


def _effective(task: StoredTask, now: Instant) -> Mapping[str, Any]:
    """Return the arguments of the trigger: an edit that does not fit the code is not applied."""
    edited = task.edits.trigger_args
    is_applied = edited is not None and _read(task.record, edited, now) is not None
    return edited if edited is not None and is_applied else task.record.trigger_args


def at_other_times(task: StoredTask, now: Instant) -> StoredTask:
    """Return a task whose times changed at `now`, to be planned by the new ones from then on; and
    by the former ones, if some of their occurrences have no row yet: see `yet_to_plan`.
    """
    first = seen_first(task.record, _effective(task, now), now) if is_on(task) else now
    return replace(task, planned_until=min(first, now - 1))


def seen_now(task: StoredTask, now: Instant) -> StoredTask:
    """Note when a task was first seen with its times, if nothing is counted from its anchor."""
    has_moment = triggers.names_moment(task.record.trigger, _effective(task, now))
    return replace(task, anchor=now) if has_moment else task


def switched(before: StoredTask, task: StoredTask, now: Instant) -> StoredTask:
    """Note when a task was switched off or on: what falls due while it is off is not caught up."""
    if is_on(task) == is_on(before):
        return task
    if not is_on(task):
        return replace(task, off=kept(task, (now, None), now))
    lasting = [since for since, until in task.off if until is None]
    if not lasting:  # a node of an older release switched it off, and did not say when
        return replace(task, planned_until=max(task.planned_until, now))
    ended = [one for one in task.off if one[1] is not None]
    return replace(task, off=(*ended, (lasting[0], now + 1)))


def kept(task: StoredTask, stretch: OffStretch, now: Instant) -> tuple[OffStretch, ...]:
    """Return when a task was off, with one more stretch, without those that no node plans any
    more.
    """
    oldest = min(task.planned_until, now - DAY)
    recent = [one for one in task.off if one[1] is None or one[1] > oldest]
    return (*recent, stretch)[-MOST_OFF:]


def is_on(task: StoredTask) -> bool:
    """Return whether a task is enabled, and not removed."""
    enabled = task.record.enabled if task.edits.enabled is None else task.edits.enabled
    return enabled and task.removed_at is None


def has_other_times(one: TaskRecord, other: TaskRecord) -> bool:
    """Return whether the times differ, and not only the release that wrote their fingerprint."""
    if one.schedule == other.schedule:
        return False
    return (one.trigger, one.trigger_args, one.timezone, one.dst) != (
        other.trigger,
        other.trigger_args,
        other.timezone,
        other.dst,
    )


def times(task: StoredTask) -> str:
    """Return a text that changes when the arguments of its trigger do."""
    edited = task.edits.trigger_args
    return mapping.to_json(task.record.trigger_args if edited is None else edited)
