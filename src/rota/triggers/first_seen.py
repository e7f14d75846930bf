"""What of a trigger had passed when its task was first seen, and yet needs a row."""

from __future__ import annotations

from collections.abc import Mapping

from rota.core.catchup import GRACE
from rota.core.time import Instant
from rota.core.trigger import Trigger
from rota.triggers.base import LAST_INSTANT
from rota.triggers.calendars import CalendarTrigger
from rota.triggers.exceptions import Excepting
from rota.triggers.kinds.date import DateTrigger
from rota.triggers.kinds.interval import IntervalTrigger


def passed_first(trigger: Trigger, args: Mapping[str, object], seen_at: Instant) -> Instant | None:
    """Return the date, or the `start_date` of an interval not long before, that had passed at
    `seen_at`; None if there is none.
    """
    match trigger:
        case DateTrigger(instant=instant) if instant <= seen_at:
            return instant
        case IntervalTrigger(first=first, end=end) if args.get("start_date") is not None:
            return first if first <= end and 0 <= seen_at - first <= GRACE else None
        case CalendarTrigger() if not trigger.roll.moves:
            return passed_first(trigger.rule, args, seen_at)
        case CalendarTrigger(rule=DateTrigger() | Excepting(rule=DateTrigger())):
            return trigger.last_before(seen_at)
        case CalendarTrigger(rule=IntervalTrigger() | Excepting(rule=IntervalTrigger())):
            moved = trigger.next_after(-LAST_INSTANT) if args.get("start_date") else None
            return moved if moved is not None and 0 <= seen_at - moved <= GRACE else None
        case Excepting(rule=rule):
            found = passed_first(rule, args, seen_at)
            return found if found is not None and not trigger.leaves_out(found) else None
    return None


def planned_until_at(trigger: Trigger, args: Mapping[str, object], seen_at: Instant) -> Instant:
    """Return the instant up to which nothing needs a row, of a task that is first seen at
    `seen_at`.
    """
    first = passed_first(trigger, args, seen_at)
    return seen_at if first is None else first - 1
