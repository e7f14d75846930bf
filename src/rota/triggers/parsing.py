"""From what a task definition says to a trigger, with every mistake of it in one error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from rota.core.time import DAY, SECOND, Instant
from rota.core.trigger import Trigger
from rota.errors import TriggerError, nearest
from rota.triggers.base import LAST_INSTANT
from rota.triggers.cron import CronTrigger, read_fields, why_never
from rota.triggers.crontab import read_crontab
from rota.triggers.date import DateTrigger
from rota.triggers.dst import Changes, Zone
from rota.triggers.fields import KEYWORDS
from rota.triggers.foreign_options import instead_of
from rota.triggers.interval import UNITS, IntervalTrigger, read_period, read_span
from rota.triggers.trigger_errors import one_error, quoted, refuse, shown
from rota.triggers.wall_times import Pattern
from rota.triggers.zones import read_moment, read_zone, zone

_BOUNDS = ("start_date", "end_date", "timezone", "jitter")
_KNOWN = {
    "cron": (*KEYWORDS, "crontab", *_BOUNDS),
    "interval": (*UNITS, *_BOUNDS),
    "date": ("run_date", "timezone"),
}
_KNOWN_SETS = {name: frozenset(known) for name, known in _KNOWN.items()}
_CHANGES = {
    "adjust": (Changes.ONCE, Changes.BY_THE_WALL),
    "skip": (Changes.SKIP, Changes.SKIP),
    "both": (Changes.BOTH, Changes.BOTH),
}
"""For fixed local times, and for a wildcard or step in hour or minute."""
_RAREST_FIRST = (
    *("week", "day", "day_of_week", "month", "year", "hour", "minute", "second"),
    *("crontab", "start_date", "end_date"),
)
_MOST_UNKNOWN = 20
_LONGEST_JITTER = 366 * DAY

T = TypeVar("T")


def parse(
    trigger: str,
    trigger_args: Mapping[str, object],
    *,
    timezone: str = "UTC",
    dst: str = "adjust",
    anchor: Instant | None = None,
) -> Trigger:
    """Return the trigger that `trigger` ("cron", "interval" or "date") and its arguments describe.

    `timezone` holds where the arguments name none. `dst` ("adjust", "skip", "both") says what a
    change of the clocks does to cron times. `anchor` is the instant from which an interval without
    `start_date` is counted, both ways; without it, the count starts at 1970. Raises TriggerError
    for anything not understood, and for a trigger that never fires; one error names all mistakes.
    An argument that is None is taken as not given.
    """
    _check_kinds(trigger, trigger_args, dst)
    trigger_args = without_none(trigger_args)
    errors: list[TriggerError] = []
    if not trigger_args.keys() <= _KNOWN_SETS[trigger]:
        errors.extend(_unknown(trigger, trigger_args))
    match trigger:
        case "cron":
            return _cron(trigger_args, timezone, dst, errors)
        case "interval":
            return _interval(trigger_args, timezone, anchor, errors)
        case _:
            return _date(trigger_args, timezone, errors)


def without_none(args: Mapping[str, T]) -> Mapping[str, T]:
    """Return the arguments that are given: None says that one is not."""
    if not any(value is None for value in args.values()):
        return args
    return {name: value for name, value in args.items() if value is not None}


def _check_kinds(trigger: object, args: object, dst: object) -> None:
    if not isinstance(trigger, str) or trigger not in _KNOWN:
        raise refuse("trigger", trigger, "no kind of trigger", _suggest(trigger, list(_KNOWN)))
    if not isinstance(args, Mapping):
        remedy = "Write a dict, like {'hour': 9}."
        raise refuse("trigger_args", args, "not a dict of arguments", remedy)
    if not isinstance(dst, str) or dst not in _CHANGES:
        raise refuse("dst", dst, "no rule for clock changes", _suggest(dst, list(_CHANGES)))


def _cron(
    args: Mapping[str, object], timezone: str, dst: str, errors: list[TriggerError]
) -> CronTrigger:
    # A misspelt field is one mistake, and not also a missing one.
    named = not errors or "crontab" in args or not args.keys().isdisjoint(KEYWORDS)
    wanted, repeats = _read(errors, _ANY, _pattern, args) if named else _ANY
    bounds = _read_bounds(args, timezone, errors)
    if errors:
        raise one_error(errors)
    found = CronTrigger(
        wanted, bounds.zone, _CHANGES[dst][repeats], bounds.start, bounds.end, bounds.jitter
    )
    why = why_never(found)
    if why is not None:
        raise _never(args, why)
    return found


def _never(args: Mapping[str, object], why: str) -> TriggerError:
    named = [name for name in _RAREST_FIRST if name in args]
    said = ", ".join(f"{name}={quoted(args[name])}" for name in named)
    return TriggerError(
        f"{said} can never fire: {why}.",
        field=named[0],
        text=said,
        remedy="Look at these together, and at start_date, end_date and dst.",
    )


def _interval(
    args: Mapping[str, object], timezone: str, anchor: Instant | None, errors: list[TriggerError]
) -> IntervalTrigger:
    named = not errors or not args.keys().isdisjoint(UNITS)
    period = _read(errors, SECOND, read_period, args) if named else SECOND
    bounds = _read_bounds(args, timezone, errors)
    if errors:
        raise one_error(errors)
    first = (anchor or 0) + period if bounds.start is None else bounds.start
    if first > LAST_INSTANT:
        raise TriggerError(
            "It can never fire: its first time would come after the year 9999.",
            field=next(unit for unit in UNITS if unit in args),
            remedy="Write a shorter interval.",
        )
    if bounds.start is None:
        first %= period  # both ways: an anchor that a clock which was ahead wrote silences nothing
    end = LAST_INSTANT if bounds.end is None else bounds.end
    return IntervalTrigger(first, period, end, bounds.zone.key, bounds.jitter)


def _date(args: Mapping[str, object], timezone: str, errors: list[TriggerError]) -> DateTrigger:
    where = _read(errors, zone("UTC"), read_zone, args.get("timezone", timezone))
    instant = _read(errors, 0, _run_date, args, where)
    if errors:
        raise one_error(errors)
    return DateTrigger(instant, where.key)


def _run_date(args: Mapping[str, object], where: Zone) -> Instant:
    if "run_date" not in args:
        raise TriggerError(
            "A date trigger needs its run_date.",
            field="run_date",
            remedy="Write one like run_date='2030-01-31 09:00'.",
        )
    return read_moment("run_date", args["run_date"], where)


_ANY: tuple[Pattern, bool] = (read_crontab("* * * * *")[0], True)


def _pattern(args: Mapping[str, object]) -> tuple[Pattern, bool]:
    if "crontab" not in args:
        return read_fields(args)
    beside = [name for name in KEYWORDS if name in args]
    if beside:
        raise refuse(
            "crontab",
            args["crontab"],
            f"given together with {', '.join(beside)}",
            "Write either a crontab text or keyword fields.",
        )
    return read_crontab(args["crontab"])


class _Bounds(NamedTuple):
    zone: Zone
    start: Instant | None
    end: Instant | None
    jitter: Instant


def _read_bounds(args: Mapping[str, object], timezone: str, errors: list[TriggerError]) -> _Bounds:
    where = _read(errors, zone("UTC"), read_zone, args.get("timezone", timezone))
    start, end = (
        _read(errors, None, read_moment, name, args[name], where) if name in args else None
        for name in ("start_date", "end_date")
    )
    jitter = _read(errors, 0, _jitter, args["jitter"]) if "jitter" in args else 0
    if start is not None and end is not None and end < start:
        errors.append(refuse("end_date", args["end_date"], "before start_date"))
    return _Bounds(where, start, end, jitter)


def _jitter(value: object) -> Instant:
    jitter = read_span("jitter", value, SECOND)
    if jitter > _LONGEST_JITTER:
        raise refuse("jitter", value, "longer than a year", "Write seconds.")
    return jitter


def _read(errors: list[TriggerError], default: T, reader: Callable[..., T], *args: object) -> T:
    """Return what `reader` makes of `args`; a mistake is kept in `errors`."""
    try:
        return reader(*args)
    except TriggerError as error:
        errors.append(error)
        return default


def _unknown(trigger: str, args: Mapping[str, object]) -> list[TriggerError]:
    unknown = [name for name in args if name not in _KNOWN_SETS[trigger]]
    errors = [
        TriggerError(
            f"{trigger} has no argument '{shown(name)}'.",
            field=shown(name),
            text=shown(args[name]),
            remedy=instead_of(name) or _suggest(name, _KNOWN[trigger]),
        )
        for name in unknown[:_MOST_UNKNOWN]
    ]
    left = len(unknown) - _MOST_UNKNOWN
    if left > 0:  # to seek the nearest known name of each would take for ever
        last = shown(unknown[-1])
        what = f"{trigger} has no argument '{last}', nor {left:,} more that are given."
        errors.append(TriggerError(what, field=last, remedy="Leave them out."))
    return errors


def _suggest(name: object, known: list[str] | tuple[str, ...]) -> str:
    return nearest(shown(name), known)
