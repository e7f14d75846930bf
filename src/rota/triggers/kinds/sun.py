"""The trigger of the sun: sunrise, sunset, dawn, dusk or noon at a place, computed by astral."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from math import isfinite
from typing import Any, ClassVar

from rota.core.time import SECOND, Instant, from_datetime
from rota.errors import TriggerError, nearest
from rota.triggers.base import LAST_INSTANT
from rota.triggers.kinds.kind import BOUNDS, Args, Reading, TriggerKind
from rota.triggers.trigger_errors import refuse
from rota.triggers.words import bounds_in_words, delay, span

_DAY = 86_400 * SECOND
_MOST_DAYS = 400
"""Days in a row without the event that are looked at: at most half a year is without it, or all."""
_FIRST, _LAST = date(1970, 1, 1).toordinal(), date(9999, 12, 30).toordinal()


class SunEvent(StrEnum):
    """What the sun does once a day, or not: dawn and dusk are the civil ones, at 6 degrees."""

    SUNRISE = "sunrise"
    SUNSET = "sunset"
    DAWN = "dawn"
    DUSK = "dusk"
    NOON = "noon"


_RADIUS = 32 / 60 / 2
_DEGREES_BELOW = {"sunrise": _RADIUS, "sunset": _RADIUS, "dawn": 6.0, "dusk": 6.0}
"""Below the horizon at the event; astral adds the refraction of the air."""


@dataclass(frozen=True, slots=True)
class SunTrigger:
    """The instants `offset` after an event, of each day that has it, to the second."""

    kind: ClassVar[str] = "sun"

    event: SunEvent
    latitude: float
    longitude: float
    offset: Instant
    timezone: str
    start: Instant | None
    end: Instant | None
    jitter: Instant

    def next_after(self, after: Instant) -> Instant | None:
        """Return the first instant strictly after `after`."""
        if self.start is not None and after < self.start:
            after = self.start - 1
        first = max((after - self.offset) // _DAY + date(1970, 1, 1).toordinal() - 2, _FIRST)
        days = iter(range(first, min(first + _MOST_DAYS, _LAST)))
        found = next((one for one in self._instants(days) if one > after), None)
        last = LAST_INSTANT if self.end is None else self.end
        return found if found is not None and found <= last else None

    def last_before(self, at: Instant) -> Instant | None:
        """Return the last instant at or before `at`."""
        if self.end is not None and at > self.end:
            at = self.end
        first = min((at - self.offset) // _DAY + date(1970, 1, 1).toordinal() + 2, _LAST)
        days = iter(range(first, max(first - _MOST_DAYS, _FIRST - 1), -1))
        found = next((one for one in self._instants(days) if one <= at), None)
        return found if found is not None and found >= (self.start or 0) else None

    def _instants(self, days: Iterator[int]) -> Iterator[Instant]:
        """Yield the instants of the days that have the event: a day is from one midnight of the sun
        to the next, so that each has it once at most."""
        compute = _event_of(self.event, self.latitude, self.longitude)
        for day in days:
            found = compute(date.fromordinal(day))
            if found is not None:
                yield (from_datetime(found) + SECOND // 2) // SECOND * SECOND + self.offset

    def lacks_days(self) -> bool:
        """Return whether there are days in a year without the event."""
        compute = _event_of(self.event, self.latitude, self.longitude)
        begin = date(2024, 1, 1)
        return any(compute(begin + timedelta(one)) is None for one in range(366))


def _event_of(
    event: SunEvent, latitude: float, longitude: float
) -> Callable[[date], datetime | None]:
    """Return what computes the event of a solar day in UTC, None for a day without it."""
    from astral import Observer, SunDirection
    from astral.sun import noon, time_of_transit

    observer: Any = Observer(latitude, longitude, 0.0)
    if event is SunEvent.NOON:
        return lambda day: _on_its_side(noon(observer, day, UTC), day, longitude)
    zenith = 90.0 + _DEGREES_BELOW[event]
    rising = event in (SunEvent.SUNRISE, SunEvent.DAWN)
    direction = SunDirection.RISING if rising else SunDirection.SETTING

    def compute(day: date) -> datetime | None:
        try:
            found: datetime = time_of_transit(observer, day, zenith, direction)
        except ValueError:  # it stays above or below all day
            return None
        return found

    return compute


def _on_its_side(found: datetime, day: date, longitude: float) -> datetime:
    """Return a noon as that of its day: astral wraps what falls into the next day or the last."""
    middle = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(longitude / 360)
    return found + timedelta(round((middle - found) / timedelta(1)))


def read(reading: Reading) -> SunTrigger:
    """Return the trigger of the arguments; raises TriggerError, also without astral."""
    try:
        import astral.sun  # noqa: F401
    except ImportError:
        raise TriggerError(
            "sun needs astral, which is not installed.",
            field="trigger",
            remedy="Install it: pip install 'rota[sun]'.",
        ) from None
    args = reading.args
    if not reading.errors:
        for name in ("event", "latitude", "longitude"):
            if name not in args:
                remedy = f"Write {name}={'sunrise' if name == 'event' else 52.5!r}."
                what = f"A sun trigger needs its {name}."
                reading.errors.append(TriggerError(what, field=name, remedy=remedy))
    event = reading.read(SunEvent.NOON, _event, args.get("event", "noon"))
    latitude = reading.read(0.0, _number, "latitude", args.get("latitude", 0), 90)
    longitude = reading.read(0.0, _number, "longitude", args.get("longitude", 0), 180)
    offset = reading.read(0.0, _number, "offset", args.get("offset", 0), 86_400)
    bounds = reading.bounds()
    reading.finish()
    found = SunTrigger(
        event,
        latitude,
        longitude,
        round(offset * SECOND),
        bounds.zone.key,
        bounds.start,
        bounds.end,
        bounds.jitter,
    )
    if found.next_after(-_DAY if bounds.start is None else bounds.start - 1) is None:
        raise TriggerError(
            f"It can never fire: there is no {event} at latitude {latitude:g}.",
            field="event",
            remedy="Look at it together with latitude, longitude, start_date and end_date.",
        )
    return found


def _event(value: object) -> SunEvent:
    known = [one.value for one in SunEvent]
    if not isinstance(value, str) or value not in known:
        hint = nearest(value, known) if isinstance(value, str) else f"Known: {', '.join(known)}."
        raise refuse("event", value, "no event of the sun", hint)
    return SunEvent(value)


def _number(name: str, value: object, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise refuse(name, value, "not a number", "Write one like 52.5.")
    if abs(value) > most:
        raise refuse(name, value, f"not in -{most} to {most}")
    return float(value)


def words(rule: SunTrigger, args: Args) -> str:
    """Describe the trigger, and whether there are days without it."""
    length = span(abs(rule.offset), one="1 ")
    when = "at" if not rule.offset else f"{length} {'after' if rule.offset > 0 else 'before'}"
    said = f"every day {when} {rule.event} at {rule.latitude!r}, {rule.longitude!r}".replace(
        ".0,", ","
    ).removesuffix(".0")
    said += f", on days without {rule.event} never" if rule.lacks_days() else ""
    bounds = bounds_in_words(rule.start, rule.end, rule.timezone)
    return f"{said}{bounds}{delay(rule.jitter)}, {rule.timezone}"


def caution(rule: object) -> str:
    """Return a caution that there are days without the event."""
    if not isinstance(rule, SunTrigger) or not rule.lacks_days():
        return ""
    return f"there are days without {rule.event} at {rule.latitude:g}; none of them has a run"


KIND = TriggerKind(
    name="sun",
    meaning="at sunrise, sunset, dawn, dusk or noon at a place; needs `rota[sun]`",
    arguments={
        "event": f"one of {', '.join(f'`{one.value}`' for one in SunEvent)}",
        "latitude": "degrees north, negative for south",
        "longitude": "degrees east, negative for west",
        "offset": "seconds after the event, negative for before",
        **BOUNDS,
    },
    example={"event": "sunset", "latitude": 52.5, "longitude": 13.4, "offset": -1800},
    read=read,
    words=words,
    caution=caution,
    names_moment=lambda _: False,
)
