"""What a kind of trigger is, and what its arguments are read with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, NamedTuple, TypeVar, cast

from rota.core.time import DAY, SECOND, Instant
from rota.core.trigger import Trigger
from rota.errors import TriggerError
from rota.triggers.base import LAST_INSTANT
from rota.triggers.calendars.days import Calendar
from rota.triggers.calendars.naming import CALENDAR, EXCEPT, ROLL
from rota.triggers.dst import Changes, Zone
from rota.triggers.trigger_errors import one_error, refuse
from rota.triggers.zones import read_moment, read_zone, zone

ZONE: Mapping[str, str] = {"timezone": "the zone of its times, if the task names none"}
BOUNDS: Mapping[str, str] = {
    "start_date": "the first moment that may be named, like `run_date`",
    "end_date": "the last moment that may be named",
    **ZONE,
    "jitter": "seconds by which starts are delayed at most",
}
"""The arguments that most kinds share, each with what it means."""

CHANGES = {
    "adjust": (Changes.ONCE, Changes.BY_THE_WALL),
    "skip": (Changes.SKIP, Changes.SKIP),
    "both": (Changes.BOTH, Changes.BOTH),
}
"""By `dst`: for fixed local times, and for a wildcard or step in hour or minute."""

_LONGEST_JITTER = 366 * DAY

OF_EVERY_KIND: Mapping[str, str] = {
    EXCEPT: "what is left out: definitions, and names of calendars for their holidays",
    CALENDAR: "the calendar that says which days are business days",
    ROLL: "what happens on the other days: `skip`, `next`, `previous`, `modified_following`,"
    " `modified_preceding` or `only`",
}
"""The arguments of every kind, each with what it means."""

DEFINITION = (
    "Write definitions like {'crontab': '0 9 * * *'} or"
    " {'trigger': 'date', 'run_date': '2030-01-31'}."
)
MOST_MEMBERS = 100
DEEPEST = 3

T = TypeVar("T")
Args = Mapping[str, object]


class Bounds(NamedTuple):
    """The arguments of `BOUNDS`, read."""

    zone: Zone
    start: Instant | None
    end: Instant | None
    jitter: Instant


@dataclass(slots=True)
class Reading:
    """The arguments of one trigger, and what else decides its instants."""

    args: Args
    timezone: str = "UTC"
    dst: str = "adjust"
    anchor: Instant | None = None
    task_id: str = ""
    with_words: bool = False
    depth: int = 0  # of a definition in another one
    calendar: Calendar | None = None  # that says what business days are
    parse: Callable[[str, Args, Reading], tuple[Trigger, str]] | None = None
    errors: list[TriggerError] = field(default_factory=list)

    def of(self, args: Args, parse: Callable[[str, Args, Reading], tuple[Trigger, str]]) -> Reading:
        """Return the reading of these arguments with what else decides; it keeps its mistakes
        here. Made often: `dataclasses.replace` takes four times as long."""
        return Reading(
            args,
            self.timezone,
            self.dst,
            self.anchor,
            self.task_id,
            self.with_words,
            self.depth,
            self.calendar,
            parse,
            self.errors,
        )

    def read(self, default: T, reader: Callable[..., T], *args: object) -> T:
        """Return what `reader` makes of `args`; a mistake is kept in `errors`."""
        try:
            return reader(*args)
        except TriggerError as error:
            self.errors.append(error)
            return default

    def zone(self) -> Zone:
        """Return the zone that holds."""
        return self.read(zone("UTC"), read_zone, self.args.get("timezone", self.timezone))

    def bounds(self) -> Bounds:
        """Return zone, start, end and jitter."""
        where, args = self.zone(), self.args
        start, end = (
            self.read(None, read_moment, name, args[name], where) if name in args else None
            for name in ("start_date", "end_date")
        )
        jitter = self.read(0, read_jitter, args["jitter"]) if "jitter" in args else 0
        if start is not None and end is not None and end < start:
            self.errors.append(refuse("end_date", args["end_date"], "before start_date"))
        return Bounds(where, start, end, jitter)

    def definitions(self, name: str, value: object) -> tuple[tuple[Trigger, str], ...]:
        """Return the triggers of a list of definitions, each with its words; mistakes are kept."""
        listed = value if isinstance(value, (list, tuple)) else [value]
        if not 1 <= len(listed) <= MOST_MEMBERS or self.depth >= DEEPEST:
            why = f"not a list of 1 to {MOST_MEMBERS} definitions, at most {DEEPEST} deep"
            self.errors.append(refuse(name, value, why, DEFINITION))
            return ()
        found = (
            self.read(None, self._definition, f"{name}[{index}]", one)
            for index, one in enumerate(listed)
        )
        return tuple(one for one in found if one is not None)

    def _definition(self, place: str, value: object) -> tuple[Trigger, str]:
        if not isinstance(value, Mapping):
            raise refuse(place, value, "not a definition", DEFINITION)
        args = {key: one for key, one in value.items() if one is not None and key != "trigger"}
        trigger = value.get("trigger")
        if isinstance(args.get("trigger_args"), Mapping):
            args.update(args.pop("trigger_args"))
        for name in ("jitter", CALENDAR, ROLL):
            if name in args:
                remedy = "Give it to the trigger that this one is a part of."
                raise refuse(f"{place}.{name}", args[name], f"{name} is of the whole", remedy)
        assert self.parse is not None  # `parse` made this reading
        zone = self.args.get("timezone", self.timezone)
        inner = replace(
            self,
            timezone=zone if isinstance(zone, str) else getattr(zone, "key", self.timezone),
            depth=self.depth + 1,
            errors=[],
        )
        try:
            return self.parse(cast("str", trigger), args, inner)
        except TriggerError as error:
            what, at = error.what, f"{place}.{error.field}"
            raise TriggerError(
                f"{place}: {what}", field=at, text=error.text, remedy=error.remedy
            ) from None

    def finish(self) -> None:
        """Raise what is wrong, all of it in one error."""
        if self.errors:
            raise one_error(self.errors)


def has_start(args: Args) -> bool:
    """Return whether the arguments name the moment of a start, which may have passed."""
    return args.get("start_date") is not None


def named_zone(args: Args) -> object:
    """Return the zone that the arguments name, None if they name none."""
    return args.get("timezone")


@dataclass(frozen=True, slots=True)
class TriggerKind:
    """One kind of trigger: everything that another part of rota asks of it.

    `read` makes the trigger, and `words` describes one that it made,
    `caution` what of it may surprise: `rota check` says so. `short` is an option that
    means this kind if no trigger is named, and `takes` the argument whose value that option has.
    `names_moment` returns whether the arguments name a moment that may have passed when they are
    first seen, from which nothing is counted. `zone` returns the zone that they name, `is_single`
    whether they name one instant alone.
    """

    name: str
    meaning: str  # when such a task runs
    arguments: Mapping[str, str]  # each with what it means
    example: Mapping[str, object]
    read: Callable[[Reading], Trigger]
    words: Callable[[Any, Args], str]
    caution: Callable[[Any], str] = lambda _: ""
    short: str = ""
    takes: str = ""
    names_moment: Callable[[Args], bool] = has_start
    zone: Callable[[Args], object] = named_zone
    is_single: Callable[[Args], bool] = lambda _: False


def read_jitter(value: object) -> Instant:
    """Return the largest start delay of `jitter` seconds; raises TriggerError."""
    jitter = read_span("jitter", value, SECOND)
    if jitter > _LONGEST_JITTER:
        raise refuse("jitter", value, "longer than a year", "Write seconds.")
    return jitter


def read_span(name: str, value: object, unit: Instant) -> Instant:
    """Return a number of units, an int or a float of 0 or more, in microseconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        remedy = "Write a number, like 5 or 0.5."
        raise refuse(name, value, "not a number", remedy)
    if isinstance(value, float) and not isfinite(value):
        raise refuse(name, value, "not a finite number")
    if value < 0:
        raise refuse(name, value, "below zero")
    if value > LAST_INSTANT / unit:
        raise refuse(name, value, "longer than time lasts here (to the year 9999)")
    return round(value * unit)
