"""What of a trigger had passed when its task was first seen, and yet needs a row."""

from __future__ import annotations

from rota.core.catchup import GRACE
from rota.core.time import Instant
from rota.core.trigger import Trigger
from rota.triggers.base import LAST_INSTANT
from rota.triggers.calendars import CalendarTrigger
from rota.triggers.exceptions import Excepting
from rota.triggers.kinds.any_of import AnyTrigger
from rota.triggers.kinds.date import DateTrigger
from rota.triggers.kinds.interval import IntervalTrigger
from rota.triggers.kinds.rrule import RecurrenceTrigger


def passed_first(trigger: Trigger, seen_at: Instant) -> Instant | None:
    """Return the date, or the start of an interval or a recurrence not long before, that had passed
    at `seen_at`; None if there is none. Of several triggers: the first that passed not long before.
    """
    match trigger:
        case DateTrigger(instant=instant) if instant <= seen_at:
            return instant
        case IntervalTrigger(first=first, end=end) if first <= end and trigger.has_start:
            return _recent(first, seen_at)
        case RecurrenceTrigger():
            return _recent(trigger.next_after(-LAST_INSTANT), seen_at)
        case AnyTrigger(rules=rules):
            passed = (_recent(passed_first(rule, seen_at), seen_at) for rule in rules)
            named = [one for one in passed if one is not None and trigger.last_before(one) == one]
            return min(named, default=None)
        case CalendarTrigger() if not trigger.roll.moves:
            return passed_first(trigger.rule, seen_at)
        case CalendarTrigger(rule=DateTrigger() | Excepting(rule=DateTrigger())):
            return trigger.last_before(seen_at)
        case CalendarTrigger(rule=IntervalTrigger() | Excepting(rule=IntervalTrigger()) as rule):
            counted = rule.rule if isinstance(rule, Excepting) else rule
            has_start = isinstance(counted, IntervalTrigger) and counted.has_start
            return _recent(trigger.next_after(-LAST_INSTANT), seen_at) if has_start else None
        case Excepting(rule=rule):
            found = passed_first(rule, seen_at)
            return found if found is not None and not trigger.leaves_out(found) else None
    return None


def _recent(instant: Instant | None, seen_at: Instant) -> Instant | None:
    return instant if instant is not None and 0 <= seen_at - instant <= GRACE else None


def planned_until_at(trigger: Trigger, seen_at: Instant) -> Instant:
    """Return the instant up to which nothing needs a row, of a task that is first seen at
    `seen_at`.
    """
    first = passed_first(trigger, seen_at)
    return seen_at if first is None else first - 1
