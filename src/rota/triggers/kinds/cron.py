"""The cron trigger: wall-clock times in a zone, from keyword fields or from a crontab text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from rota.errors import TriggerError
from rota.triggers.base import LAST_INSTANT
from rota.triggers.calendars.days import Calendar
from rota.triggers.crontab import read_crontab, read_every, split_zone
from rota.triggers.day_rules import DayRule, names_business_days
from rota.triggers.dst import Changes
from rota.triggers.fields import KEYWORDS, LEAST, Field, read_keyword
from rota.triggers.kinds import interval
from rota.triggers.kinds.interval import IntervalTrigger
from rota.triggers.kinds.kind import BOUNDS, CHANGES, Args, Reading, TriggerKind
from rota.triggers.pattern_words import pattern_in_words, repeats_by_words
from rota.triggers.trigger_errors import LONGEST, one_error, quoted, refuse
from rota.triggers.wall_times import EVERY_YEAR, Pattern, names_a_day, pattern
from rota.triggers.wall_trigger import WallTrigger
from rota.triggers.words import bounds_in_words, delay
from rota.triggers.zones import read_zone, zone

_RAREST_FIRST = (
    *("week", "day", "day_of_week", "month", "year", "hour", "minute", "second"),
    *("crontab", "start_date", "end_date"),
)


@dataclass(frozen=True, slots=True, eq=False)
class CronTrigger(WallTrigger):
    """The instants of a pattern."""

    kind: ClassVar[str] = "cron"

    pattern: Pattern


def read_fields(args: Args, calendar: Calendar | None = None) -> tuple[Pattern, bool]:
    """Return the pattern of keyword fields, and whether hour or minute has a `*` or a step.

    The rule of defaults is APScheduler's: fields above the least one given are `*`, fields below it
    start at their minimum. Raises TriggerError for the first mistake, naming the others.
    """
    fields: dict[str, Field] = {}
    errors = []
    left = sum(name in args for name in KEYWORDS)
    if not left:
        raise TriggerError(
            "A cron trigger without a field would run every second.",
            field="trigger_args",
            remedy=f"Say at least one of {', '.join(KEYWORDS)}, or crontab.",
        )
    for name, kind in KEYWORDS.items():
        if name in args:
            left -= 1
            try:
                fields[name] = read_keyword(kind, args[name])
            except TriggerError as error:
                errors.append(error)
        elif not left and name in LEAST:
            fields[name] = LEAST[name]
        else:
            fields[name] = kind.everything
    if errors:
        raise one_error(errors)
    year, month, day, week, weekday, hour, minute, second = (
        fields[name].values for name in KEYWORDS
    )
    rule = DayRule(month, day, week, weekday)
    by = calendar if names_business_days(rule) else None
    if names_business_days(rule) and calendar is None:
        remedy = "Write calendar='…' as well: the calendar of the business days."
        raise refuse("day", args["day"], "business days need a calendar", remedy)
    return (
        pattern(year, rule, hour, minute, second, by),
        fields["hour"].repeats or fields["minute"].repeats,
    )


def why_never(trigger: CronTrigger) -> str | None:
    """Return why a trigger has no instant at all, ever; None if it has one.

    A trigger that had its last instant long ago, or has its first in a far year, counts as having
    one.
    """
    wanted = trigger.pattern
    if not names_a_day(wanted.years, wanted.rule, wanted.calendar):
        return "no day from 1970 to 9999 fits all of it"
    bounded = trigger.start is not None or trigger.end is not None
    if not bounded and wanted.years == EVERY_YEAR:
        return None
    if trigger.next_after(-LAST_INSTANT) is None:
        return "start_date, end_date or a change of the clocks leaves every time of it out"
    return None


def read(reading: Reading) -> CronTrigger | IntervalTrigger:
    """Return the trigger of the arguments, an interval for `@every`; raises TriggerError."""
    if "crontab" in reading.args:
        reading = _with_zone(reading)
    args, errors = reading.args, reading.errors
    if "crontab" in args and (text := _every(args)) is not None:
        _refuse_beside(args)
        return interval.of_period(reading, read_every(text), reading.bounds())
    # A misspelt field is one mistake, and not also a missing one.
    named = not errors or "crontab" in args or not args.keys().isdisjoint(KEYWORDS)
    given = (args, reading.task_id, reading.calendar)
    wanted, repeats = reading.read(_ANY, _pattern, *given) if named else _ANY
    bounds = reading.bounds()
    reading.finish()
    changes = CHANGES[reading.dst][repeats]
    found = CronTrigger(wanted, bounds.zone, changes, bounds.start, bounds.end, bounds.jitter)
    why = why_never(found)
    if why is not None:
        raise _never(args, why)
    return found


_ANY: tuple[Pattern, bool] = (read_crontab("* * * * *")[0], True)


def _pattern(args: Args, task_id: str, calendar: Calendar | None) -> tuple[Pattern, bool]:
    if "crontab" not in args:
        return read_fields(args, calendar)
    _refuse_beside(args)
    return read_crontab(args["crontab"], task_id)


def zone_of(args: Args) -> object:
    """Return the zone that the arguments name, None if they name none."""
    text = args.get("crontab")
    named = split_zone(text).zone if isinstance(text, str) and len(text) <= LONGEST else None
    return args.get("timezone") if named is None else named


def _with_zone(reading: Reading) -> Reading:
    """Return the reading with the zone that a crontab text names at its head."""
    text = reading.args.get("crontab")
    named = None if text is None else zone_of({"crontab": text})
    if named is None:
        return reading
    if "timezone" in reading.args:
        reading.errors.append(
            refuse("crontab", text, "it names a zone, and so does timezone", "Keep one.")
        )
    found = reading.read(zone("UTC"), read_zone, named, "crontab")
    return replace(reading, args={**reading.args, "timezone": found.key})


def _every(args: Args) -> str | None:
    text = args.get("crontab")
    if not isinstance(text, str) or len(text) > LONGEST:
        return None
    found = split_zone(text)
    return found.text if found.is_interval else None


def _refuse_beside(args: Args) -> None:
    beside = [name for name in KEYWORDS if name in args]
    if beside:
        raise refuse(
            "crontab",
            args["crontab"],
            f"given together with {', '.join(beside)}",
            "Write either a crontab text or keyword fields.",
        )


def _never(args: Args, why: str) -> TriggerError:
    named = [name for name in _RAREST_FIRST if name in args]
    said = ", ".join(f"{name}={quoted(args[name])}" for name in named)
    return TriggerError(
        f"{said} can never fire: {why}.",
        field=named[0],
        text=said,
        remedy="Look at these together, and at start_date, end_date and dst.",
    )


FIXED = ", at fixed times when clocks change"
BY_THE_WALL = ", by the clock on the wall when clocks change"
"""Appended to a description whose words suggest the other behaviour."""


def words(rule: CronTrigger | IntervalTrigger, args: Args) -> str:
    """Describe the trigger, with its zone."""
    if isinstance(rule, IntervalTrigger):
        return interval.words(rule, args)
    said = pattern_in_words(rule.pattern)
    if rule.zone.changes and rule.changes in CHANGES["adjust"]:
        repeats = rule.changes is Changes.BY_THE_WALL
        if repeats is not repeats_by_words(rule.pattern):
            said += BY_THE_WALL if repeats else FIXED
    bounds = bounds_in_words(rule.start, rule.end, rule.timezone)
    return f"{said}{bounds}{delay(rule.jitter)}, {rule.timezone}"


KIND = TriggerKind(
    name="cron",
    meaning="at times on the clock",
    arguments={
        **dict.fromkeys(KEYWORDS, "a number or a text in APScheduler's syntax"),
        "crontab": "a crontab text in place of the fields",
        **BOUNDS,
    },
    example={"day_of_week": "mon-fri", "hour": 9},
    read=read,
    words=words,
    short="crontab",
    takes="crontab",
    zone=zone_of,
)
