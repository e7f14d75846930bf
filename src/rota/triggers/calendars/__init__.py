"""Calendars: which days are business days, and what happens to a task on the others."""

from __future__ import annotations

from rota.triggers.calendars.days import Calendar, calendar_of
from rota.triggers.calendars.naming import CALENDAR, ROLL, has_same_data, resolved
from rota.triggers.calendars.rolled import CalendarTrigger, on_calendar
from rota.triggers.calendars.rolls import Roll

__all__ = [
    "CALENDAR",
    "ROLL",
    "Calendar",
    "CalendarTrigger",
    "Roll",
    "calendar_of",
    "has_same_data",
    "on_calendar",
    "resolved",
]
