"""Triggers: the rules that say at which instants a task runs.

Pure and deterministic: the same rule names the same instants on every node, whenever it is asked.
`parse` reads a trigger, `preview` lists its next times and `describe` says it in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rota.core.time import Instant, to_datetime
from rota.core.trigger import Trigger
from rota.triggers.base import between, start_delay
from rota.triggers.calendars import CalendarTrigger, Roll
from rota.triggers.calendars.judging import calendar_rule, firing, has_calendar
from rota.triggers.calendars.naming import Calendars, has_same_data, named, resolved
from rota.triggers.first_seen import passed_first, planned_until_at
from rota.triggers.kinds import KINDS
from rota.triggers.kinds.interval import IntervalTrigger
from rota.triggers.layers import (
    FOREVER,
    Interrupted,
    Replaced,
    Skipping,
    Stretch,
    outside,
    without,
)
from rota.triggers.parsing import (
    anchored,
    caution,
    describe,
    is_single,
    names_moment,
    parse,
    zone_of,
)
from rota.triggers.trigger_errors import refuse
from rota.triggers.zones import read_moment, read_zone, tz_version

__all__ = [
    "FOREVER",
    "KINDS",
    "Replaced",
    "Stretch",
    "Trigger",
    "anchored",
    "between",
    "calendar_rule",
    "caution",
    "count_between",
    "describe",
    "firing",
    "has_calendar",
    "has_same_data",
    "is_countable",
    "is_single",
    "names_moment",
    "outside",
    "parse",
    "passed_first",
    "planned_until_at",
    "preview",
    "resolved",
    "start_delay",
    "tz_version",
    "without",
    "zone_of",
]

_MOST_PREVIEWED = 1_000_000


def preview(
    trigger: str,
    trigger_args: Mapping[str, object],
    *,
    timezone: str = "UTC",
    after: datetime | None = None,
    count: int = 10,
    dst: str = "adjust",
    task_id: str = "",
    calendars: Calendars | None = None,
) -> list[datetime]:
    """List the next `count` times strictly after `after` (None: now), in UTC.

    What has no zone is read in the trigger's. An interval without `start_date` is counted from
    `after`. `calendars` are the definitions of the calendars that it names; None: those in the
    configuration of this process. Times that its calendar skips are not listed. Raises TriggerError
    as `parse` does, and for an `after` that is no datetime, or a `count` that is no number from 0
    to a million.
    """
    if isinstance(trigger_args, Mapping):
        trigger_args = named(trigger_args, calendars)
    instant = _instant(after, trigger, trigger_args, timezone)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= _MOST_PREVIEWED:
        raise refuse("count", count, f"not a number from 0 to {_MOST_PREVIEWED}")
    rule = parse(trigger, trigger_args, timezone=timezone, dst=dst, anchor=instant, task_id=task_id)
    return [to_datetime(found) for found in between(firing(rule), instant, FOREVER, count)]


def count_between(trigger: Trigger, after: Instant, until: Instant, limit: int = 10_000) -> int:
    """Return how many instants lie strictly after `after` and not after `until`.

    Intervals are counted exactly, by arithmetic; for others the answer stops at `limit`, which then
    means "at least so many".
    """
    match trigger:
        case IntervalTrigger():
            return trigger.count(after, until)
        case CalendarTrigger(rule, roll=Roll.SKIP):
            return count_between(rule, after, until, limit)
        case Skipping(rule) if is_countable(rule):
            return count_between(rule, after, until) - trigger.left_out(after, until)
        case Interrupted(rule) if is_countable(rule):
            inside = trigger.between(after, until)
            left_out = (count_between(rule, since - 1, end - 1) for since, end in inside)
            return count_between(rule, after, until) - sum(left_out)
        case Replaced(rule, earlier) if trigger.since == trigger.until:
            before = count_between(earlier, after, min(until, trigger.until), limit)
            return before + count_between(rule, max(after, trigger.since), until, limit)
    return len(between(trigger, after, until, limit))


def is_countable(trigger: Trigger) -> bool:
    """Return whether `count_between` counts by arithmetic, exactly."""
    while isinstance(trigger, (Skipping, Interrupted)) or (
        isinstance(trigger, CalendarTrigger) and trigger.roll is Roll.SKIP
    ):
        trigger = trigger.rule
    return isinstance(trigger, IntervalTrigger)


def _instant(
    after: datetime | None, trigger: str, args: Mapping[str, object], timezone: str
) -> Instant:
    if after is None:
        from rota.runtime.system_clock import (
            SystemClock,  # the one reader of the clock, and only here
        )

        return SystemClock().now()
    if not isinstance(after, datetime):
        raise refuse("after", after, "not a datetime")
    named = zone_of(trigger, args) if isinstance(args, Mapping) else None
    return read_moment("after", after, read_zone(timezone if named is None else named))
