"""From what a task definition says to a trigger, with every mistake of it in one error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from rota.core.chains.rule import AFTER
from rota.core.task import JOB
from rota.core.time import Instant
from rota.core.trigger import Trigger
from rota.errors import TriggerError, nearest
from rota.triggers.base import LAST_INSTANT
from rota.triggers.calendars import (
    CALENDAR,
    ROLL,
    Calendar,
    CalendarTrigger,
    Roll,
    calendar_of,
    on_calendar,
)
from rota.triggers.calendars.holidays_of import Holidays
from rota.triggers.calendars.naming import EXCEPT, Calendars, named
from rota.triggers.exceptions import Excepting, excepting
from rota.triggers.foreign_options import instead_of
from rota.triggers.kinds import KINDS, SHORT
from rota.triggers.kinds.date import DateTrigger
from rota.triggers.kinds.interval import UNITS, IntervalTrigger
from rota.triggers.kinds.job import JobTrigger
from rota.triggers.kinds.kind import CHANGES, OF_EVERY_KIND, Reading
from rota.triggers.kinds.sun import SunTrigger
from rota.triggers.trigger_errors import refuse, shown
from rota.triggers.wall_trigger import WallTrigger

_MOST_UNKNOWN = 20

T = TypeVar("T")


def parse(
    trigger: str,
    trigger_args: Mapping[str, object],
    *,
    timezone: str = "UTC",
    dst: str = "adjust",
    anchor: Instant | None = None,
    task_id: str = "",
) -> Trigger:
    """Return the trigger that `trigger` (a name in `KINDS`) and its arguments describe.

    `timezone` holds if the arguments name none. `dst` ("adjust", "skip", "both") says what a change
    of the clocks does to cron times. `anchor` is the instant from which an interval without
    `start_date` is counted, both ways; without it, the count starts at 1970. The values of `H` and
    `~` in a crontab text follow from `task_id`. Raises TriggerError for anything not understood,
    and for a trigger that never fires; one error names all mistakes. An argument that is None is
    taken as not given.
    """
    return _parse(trigger, trigger_args, Reading({}, timezone, dst, anchor, task_id))[0]


def anchored(rule: Trigger, args: Mapping[str, object], anchor: Instant) -> Trigger | None:
    """Return what `parse` returns for these arguments with this anchor, from what it returned
    without one; None if the arguments have to be read again.
    """
    match rule:
        case IntervalTrigger(period=period) if args.get("start_date") is None:
            is_near = not UNITS.keys().isdisjoint(args) and anchor <= LAST_INSTANT - period
            return replace(rule, first=anchor % period) if is_near else None
        case IntervalTrigger() | DateTrigger() | JobTrigger() | SunTrigger() | WallTrigger():
            return rule
    return None


def describe(
    trigger: str,
    trigger_args: Mapping[str, object],
    *,
    timezone: str = "UTC",
    task_id: str = "",
    calendars: Calendars | None = None,
) -> str:
    """Return the trigger in words, like "every weekday at 09:00, Europe/Berlin".

    Cron and date end with the zone, and so does an interval that names a moment. `calendars` are
    the definitions of the calendars that it names; None: those in the configuration of this
    process. Raises TriggerError as `parse` does.
    """
    if isinstance(trigger_args, Mapping):
        trigger_args = named(trigger_args, calendars)
    reading = Reading({}, timezone, task_id=task_id, with_words=True)
    return _parse(trigger, trigger_args, reading)[1]


def _parse(trigger: Any, args: Mapping[str, object], around: Reading) -> tuple[Trigger, str]:
    """Return the trigger of a definition, and its words if they are wanted."""
    if trigger is None and isinstance(args, Mapping):
        trigger, args = in_short(args)
    _check_kinds(trigger, args, around.dst)
    kind, args = KINDS[trigger], without_none(args)
    reading = around.of(args, _parse)
    if not args.keys() <= kind.arguments.keys():
        reading.errors.extend(_unknown(trigger, args))
    exceptions: tuple[tuple[Trigger, str], ...] = ()
    if EXCEPT in args:
        zone = kind.zone(args)
        inner = replace(reading, timezone=zone) if isinstance(zone, str) else reading
        exceptions = _exceptions(inner, args[EXCEPT])
    roll = _calendar(trigger, reading) if CALENDAR in args or ROLL in args else None
    rule = kind.read(reading)
    words = kind.words(rule, args) if around.with_words else ""
    start = end = None
    if roll is not None and roll.moves:
        rule, start, end = _unbound(rule)
    if exceptions:
        rule = excepting(rule, tuple(one for one, _ in exceptions))
        words = f"{words}, except {' or '.join(f'({said})' for _, said in exceptions)}"
    if roll is None or reading.calendar is None:
        return rule, words
    found = on_calendar(rule, reading.calendar, roll, around.dst, start, end)
    has_times = not kind.is_single(args) and trigger != AFTER
    if has_times and found.firing().next_after(-LAST_INSTANT) is None:
        raise TriggerError(
            f"It can never fire: with roll={roll.value!r} the calendar {reading.calendar.name}"
            " leaves every time of it out.",
            field=CALENDAR,
            remedy="Write another roll rule, or another calendar.",
        )
    return found, f"{words}, {_ROLLS[roll].format(reading.calendar.name)}"


_ROLLS = {
    Roll.SKIP: "on business days of {}",
    Roll.NEXT: "moved to the next business day of {}",
    Roll.PREVIOUS: "moved to the previous business day of {}",
    Roll.MODIFIED_FOLLOWING: "moved to the next business day of {} in the same month, else to the"
    " previous one",
    Roll.MODIFIED_PRECEDING: "moved to the previous business day of {} in the same month, else to"
    " the next one",
    Roll.ONLY: "only on days that are no business days of {}",
}


def _calendar(trigger: str, reading: Reading) -> Roll:
    """Read the calendar, which the rule may need, and return the roll rule; mistakes are kept."""
    args = reading.args
    if trigger == JOB:
        name = CALENDAR if CALENDAR in args else ROLL
        reading.errors.append(refuse(name, args[name], "a job has no times", "Leave it out."))
    elif CALENDAR in args:
        reading.calendar = reading.read(None, _read_calendar, args[CALENDAR])
    else:
        remedy = "Write calendar='…' as well."
        reading.errors.append(refuse(ROLL, args[ROLL], "there is no calendar", remedy))
    roll = reading.read(Roll.SKIP, _read_roll, args.get(ROLL, Roll.SKIP.value))
    if trigger == AFTER and roll.moves:
        remedy = "Write roll='skip' or 'only': it runs when upstream runs end, or not at all."
        reading.errors.append(refuse(ROLL, args[ROLL], "upstream ends cannot be moved", remedy))
    return roll


def _read_calendar(value: object, place: str = CALENDAR) -> Calendar | None:
    if isinstance(
        value, str
    ):  # its definition is put in its place where the configuration is known
        remedy = "Define it in the configuration's section calendars."
        raise refuse(place, value, "no calendar of that name", remedy)
    return calendar_of(value, place)


def _read_roll(value: object) -> Roll:
    found = next((one for one in Roll if one == value), None)
    if found is None:
        hint = _suggest(value, [one.value for one in Roll])
        raise refuse(ROLL, value, "no roll rule", hint)
    return found


def _unbound(rule: Trigger) -> tuple[Trigger, Instant | None, Instant | None]:
    """Return a rule without its first and last moment, and these: they hold for what is moved."""
    if isinstance(rule, IntervalTrigger):
        end = rule.end if rule.end < LAST_INSTANT else None
        return replace(rule, end=LAST_INSTANT), None, end
    start = getattr(rule, "start", None)
    if start is None and rule.end is None:
        return rule, None, None
    changes: dict[str, Any] = {"start": None, "end": None}
    return replace(cast("Any", rule), **changes), start, rule.end


def _exceptions(reading: Reading, value: object) -> tuple[tuple[Trigger, str], ...]:
    listed = value if isinstance(value, (list, tuple)) else [value]
    calendars = [one for one in listed if isinstance(one, str) or _names_calendar(one)]
    found: list[tuple[Trigger, str]] = []
    for one in calendars:
        named = one[CALENDAR] if isinstance(one, Mapping) else one
        calendar = reading.read(None, _read_calendar, named, EXCEPT)
        if calendar is not None:
            whole = "the holidays and weekends" if calendar.names_weekend else "the holidays"
            found.append((Holidays(calendar, reading.zone()), f"{whole} of {calendar.name}"))
    others = [one for one in listed if one not in calendars]
    if others or not calendars:
        found += reading.definitions(EXCEPT, others)
    return tuple(found)


def _names_calendar(value: object) -> bool:
    return isinstance(value, Mapping) and set(value) == {CALENDAR}


def in_short(args: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """Return the trigger that one of the arguments means by itself, None if none does, and the
    arguments with that as the trigger's own."""
    for name, kind in SHORT.items():
        if args.get(name) is not None:
            others = {key: value for key, value in args.items() if key != name}
            return kind.name, {**others, kind.takes: args[name]}
    return None, args


def without_none(args: Mapping[str, T]) -> Mapping[str, T]:
    """Return the arguments that are given: None says that one is not."""
    if not any(value is None for value in args.values()):
        return args
    return {name: value for name, value in args.items() if value is not None}


def caution(trigger: str, args: Mapping[str, object], *, timezone: str, task_id: str) -> str:
    """Return what of a trigger may surprise, "" for nothing; raises TriggerError."""
    rule = parse(trigger, args, timezone=timezone, task_id=task_id)
    while isinstance(rule, (CalendarTrigger, Excepting)):
        rule = rule.rule
    return KINDS[trigger].caution(rule)


def zone_of(trigger: str, args: Mapping[str, object]) -> object:
    """Return the zone that a trigger's arguments name, None if they name none."""
    return KINDS[trigger].zone(args) if trigger in KINDS else args.get("timezone")


def names_moment(trigger: str, args: Mapping[str, object]) -> bool:
    """Return whether a trigger names a moment that may have passed when it is first seen, so that
    nothing is counted from its anchor; False for a kind of a later release."""
    return trigger in KINDS and KINDS[trigger].names_moment(args)


def is_single(trigger: str, args: Mapping[str, object]) -> bool:
    """Return whether a trigger names one instant alone; False for a kind of a later release."""
    return trigger in KINDS and KINDS[trigger].is_single(args)


def _check_kinds(trigger: object, args: object, dst: object) -> None:
    if trigger is None:
        remedy = f"Write 'trigger': one of {', '.join(KINDS)}."
        raise TriggerError("The trigger is missing.", field="trigger", remedy=remedy)
    if not isinstance(trigger, str) or trigger not in KINDS:
        raise refuse("trigger", trigger, "no kind of trigger", _suggest(trigger, list(KINDS)))
    if not isinstance(args, Mapping):
        remedy = "Write a dict, like {'hour': 9}."
        raise refuse("trigger_args", args, "not a dict of arguments", remedy)
    if not isinstance(dst, str) or dst not in CHANGES:
        raise refuse("dst", dst, "no rule for clock changes", _suggest(dst, list(CHANGES)))


def _unknown(trigger: str, args: Mapping[str, object]) -> list[TriggerError]:
    unknown = [name for name in args if name not in {*KINDS[trigger].arguments, *OF_EVERY_KIND}]
    errors = [
        TriggerError(
            f"{trigger} has no argument '{shown(name)}'.",
            field=shown(name),
            text=shown(args[name]),
            remedy=_remedy(trigger, name),
        )
        for name in unknown[:_MOST_UNKNOWN]
    ]
    left = len(unknown) - _MOST_UNKNOWN
    if left > 0:  # searching the nearest known name of each would take too long
        last = shown(unknown[-1])
        what = f"{trigger} has no argument '{last}', nor {left:,} more that are given."
        errors.append(TriggerError(what, field=last, remedy="Leave them out."))
    return errors


def _remedy(trigger: str, name: object) -> str:
    of_trigger = [*KINDS[trigger].arguments, *OF_EVERY_KIND]
    one, several = str(name).removesuffix("s"), f"{name}s"  # a name may be of any type
    is_other_number = one in of_trigger or several in of_trigger
    if not is_other_number and (foreign := instead_of(name)):
        return foreign
    kind = next((kind.name for kind in KINDS.values() if name in kind.arguments), None)
    if trigger == JOB and kind is not None:
        return f"Write trigger={kind!r} as well: a task without a trigger is a job."
    return _suggest(name, of_trigger)


def _suggest(name: object, known: list[str]) -> str:
    return nearest(shown(name), known)
