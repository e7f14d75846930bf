"""The screen Calendar: a month of past and planned runs, with the clock changes in it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice, takewhile
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from rota import triggers
from rota.core.ports.records import StateCount
from rota.core.run import ACTIVE, State
from rota.core.time import DAY, MINUTE, Instant, to_datetime
from rota.diagnosis.attention import FAILING
from rota.engine.planning.task_registry import RegisteredTask
from rota.engine.planning.upcoming import upcoming
from rota.manager import TaskManager
from rota.web.pages.layout import PageLayout
from rota.web.pages.parts import ics, month
from rota.web.pages.parts.cost_cache import CostCache
from rota.web.pages.parts.planned_counts import PlannedCounts, planned

QUARTER = 15 * MINUTE
"""In every time zone, days begin at whole quarters of an hour."""

EXPORTED: Instant = 30 * DAY
MOST_EVENTS = 5_000
MOST_PER_TASK = 200


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day of the calendar with its past and planned runs."""

    date: date
    good: int
    bad: int
    idle: int  # skipped, missed or cancelled
    active: int
    planned: PlannedCounts
    changes: Sequence[month.WallClockJump]

    @property
    def runs(self) -> int:
        """The number of runs that have ended, with any outcome."""
        return self.good + self.bad + self.idle

    def share(self, count: int) -> float:
        """Return the share of `count` in all runs of this day, in per cent."""
        return round(100 * count / max(self.runs + self.active + self.planned.count, 1), 2)


def add(router: APIRouter, layout: PageLayout) -> None:
    """Add the screen, and the calendar file for other programs."""
    cache = CostCache[list[CalendarDay]](layout.manager.services.clock)

    @router.get("/calendar")
    def show_calendar(
        request: Request,
        wanted: Annotated[str, Query(alias="month", max_length=10)] = "",
    ) -> Response:
        now, zone = layout.now(), _zone(layout.manager)
        today = to_datetime(now).astimezone(zone).date()
        first = month.first_of(wanted, today)
        days = cache.get(first, lambda: _days(layout.manager, first, zone, now))
        values: dict[str, Any] = {
            "now": now,
            "days": days,
            "first": first,
            "today": today,
            "zone": zone.key,
            "before": month.beside(first, -1),
            "after": month.beside(first, 1),
        }
        return layout.show(request, "calendar.html", **values)

    @router.get("/calendar.ics")
    def get_calendar() -> Response:
        manager, now = layout.manager, layout.now()
        body = ics.calendar(manager.config.app_name, _events(manager, now), now)
        headers = {"Content-Disposition": 'attachment; filename="planned.ics"'}
        return Response(
            body.encode("utf-8", "replace"), headers=headers, media_type="text/calendar"
        )


def _zone(manager: TaskManager) -> ZoneInfo:
    try:
        return ZoneInfo(manager.config.manager.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _days(manager: TaskManager, first: date, zone: ZoneInfo, now: Instant) -> list[CalendarDay]:
    """Return the days of all weeks of a month; raises LedgerError."""
    dates = month.days(first)
    edges = month.edges(dates, zone)
    entries = manager.services.engine.registry.entries()
    tallies: list[StateCount] = []
    if edges[0] <= now:
        tallies = manager.history.tallies(edges[0], edges[-1], QUARTER)
    coming = planned(entries, edges, now)
    jumps = month.changes([zone.key, *(entry.trigger.timezone for entry in entries)], edges)
    return [
        _day(day, counts, plans, changes)
        for day, counts, plans, changes in zip(
            dates, _by_day(tallies, edges), coming, jumps, strict=True
        )
    ]


def _by_day(tallies: Sequence[StateCount], edges: Sequence[Instant]) -> list[Counter[State]]:
    counts: list[Counter[State]] = [Counter() for _ in edges[1:]]
    for slice, state, count in tallies:
        counts[bisect_right(edges, edges[0] + slice * QUARTER) - 1][state] += count
    return counts


def _day(
    day: date, counts: Counter[State], plans: PlannedCounts, changes: Sequence[month.WallClockJump]
) -> CalendarDay:
    good = counts[State.SUCCEEDED]
    bad = sum(counts[state] for state in FAILING)
    active = sum(counts[state] for state in ACTIVE)
    idle = counts.total() - good - bad - active
    return CalendarDay(day, good, bad, idle, active, plans, changes)


def _events(manager: TaskManager, now: Instant) -> list[ics.CalendarEvent]:
    """Return the occurrences of the next 30 days, the nearest first."""
    events = [
        ics.CalendarEvent(entry.definition.id, instant, entry.name, _described(entry))
        for entry in manager.services.engine.registry.entries()
        for instant in _instants(entry, now)
    ]
    return sorted(events, key=lambda event: (event.at, event.task_id))[:MOST_EVENTS]


def _instants(entry: RegisteredTask, now: Instant) -> list[Instant]:
    end = now + EXPORTED
    return list(islice(takewhile(lambda one: one <= end, upcoming(entry, now)), MOST_PER_TASK))


def _described(entry: RegisteredTask) -> str:
    code = entry.definition
    rule = triggers.describe(
        code.trigger, entry.trigger_args, timezone=code.timezone, task_id=code.id
    )
    return "\n".join(filter(None, [rule, code.description]))
