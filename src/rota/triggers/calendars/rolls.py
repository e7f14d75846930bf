"""The roll rules: to which business day an occurrence moves that is named on another day.

They are the business day conventions of finance (ISDA 2006 Definitions, section 4.12).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from rota.triggers.calendars.days import FIRST_DAY, Calendar

FARTHEST = 366
"""Days that an occurrence is moved at most; one that would have to move further is none."""


class Roll(StrEnum):
    """What happens to an occurrence that is named on a day that is no business day."""

    SKIP = "skip"
    NEXT = "next"
    PREVIOUS = "previous"
    MODIFIED_FOLLOWING = "modified_following"
    MODIFIED_PRECEDING = "modified_preceding"
    ONLY = "only"

    @property
    def moves(self) -> bool:
        """Return whether it moves occurrences to other days."""
        return self not in (Roll.SKIP, Roll.ONLY)


def rolled_day(calendar: Calendar, roll: Roll, day: int) -> int | None:
    """Return the business day to which a day rolls, itself if it is one; None if there is none
    within a year.

    "modified" turns around at the end of the month: to the other side of the day, in its month.
    """
    if calendar.is_business(day):
        return day
    forward = roll in (Roll.NEXT, Roll.MODIFIED_FOLLOWING)
    found = _search(calendar, day, 1 if forward else -1)
    if roll in (Roll.NEXT, Roll.PREVIOUS) or (found is not None and _is_in_month(day, found)):
        return found
    found = _search(calendar, day, -1 if forward else 1)
    return found if found is not None and _is_in_month(day, found) else None


def _search(calendar: Calendar, day: int, step: int) -> int | None:
    for _ in range(FARTHEST):
        day += step
        if not -FIRST_DAY < day <= _LAST:
            return None
        if calendar.is_business(day):
            return day
    return None


def _is_in_month(day: int, other: int) -> bool:
    one, two = date.fromordinal(day + FIRST_DAY), date.fromordinal(other + FIRST_DAY)
    return (one.year, one.month) == (two.year, two.month)


_LAST = date(9999, 12, 31).toordinal() - FIRST_DAY
