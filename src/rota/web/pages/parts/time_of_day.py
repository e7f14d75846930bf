"""The runs of a task as a picture: a line per day, with each run at its time of day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from rota.core.run import Run
from rota.core.time import Instant, to_datetime
from rota.web.pages.parts.figures import duration

SHOWN = 14
_DAY = timedelta(days=1)
_NARROWEST = 0.3
"""The minimal width of a run, in per cent of a day, so that it is visible."""


@dataclass(frozen=True, slots=True)
class DayMark:
    """A run on its day; `left` and `width` are in per cent of the day."""

    run: Run
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class DayLine:
    """One line of the picture."""

    date: date
    marks: list[DayMark] = field(default_factory=list)


def days(newest_first: Sequence[Run], zone: ZoneInfo, now: Instant) -> list[DayLine]:
    """Return the last days in this zone, the newest first, back to the first of the runs."""
    today = _local(now, zone).date()
    shown = [DayLine(today - back * _DAY) for back in range(SHOWN)]
    for run in reversed(newest_first):
        start = _local(run.started_at or run.fire_time or run.created_at, zone)
        back = (today - start.date()).days
        if 0 <= back < SHOWN:
            shown[back].marks.append(_mark(run, start, now))
    while shown and not shown[-1].marks:
        shown.pop()
    return shown


def _mark(run: Run, start: datetime, now: Instant) -> DayMark:
    left = 100 * (start.hour * 3600 + start.minute * 60 + start.second) / 86400
    width = 100 * (duration(run, now) or 0) / (86400 * 1_000_000)
    return DayMark(run, round(left, 2), round(min(max(width, _NARROWEST), 100 - left), 2))


def _local(instant: Instant, zone: ZoneInfo) -> datetime:
    return to_datetime(instant).astimezone(zone)
