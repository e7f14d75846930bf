"""The trigger of an RRULE of RFC 5545, section 3.3.10, on the clock on the wall of its zone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from rota.core.time import SECOND, Instant
from rota.errors import TriggerError, nearest
from rota.triggers.base import LAST_INSTANT
from rota.triggers.dst import Zone
from rota.triggers.kinds.kind import BOUNDS, CHANGES, Args, Reading, TriggerKind
from rota.triggers.recurrence import (
    FREQUENCIES,
    HOURLY,
    Recurrence,
    RecurrenceRule,
    can_name,
    datetime_of,
    made,
)
from rota.triggers.trigger_errors import LONGEST, quoted, refuse
from rota.triggers.wall_trigger import WallTrigger
from rota.triggers.words import bounds_in_words, delay, join, moment
from rota.triggers.zones import read_moment

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NUMBERS: Mapping[
    str, tuple[str, int, int, bool]
] = {  # python-dateutil's name, range, negative too
    "BYSECOND": ("bysecond", 0, 59, False),
    "BYMINUTE": ("byminute", 0, 59, False),
    "BYHOUR": ("byhour", 0, 23, False),
    "BYMONTHDAY": ("bymonthday", 1, 31, True),
    "BYYEARDAY": ("byyearday", 1, 366, True),
    "BYWEEKNO": ("byweekno", 1, 53, True),
    "BYMONTH": ("bymonth", 1, 12, False),
    "BYSETPOS": ("bysetpos", 1, 366, True),
}
_KNOWN = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *_NUMBERS)
_BYDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?")
_EXAMPLE = "Write one like 'FREQ=MONTHLY;BYDAY=-1FR'."
_MOST_COUNT = 10_000
_MOST_IN_A_PERIOD = 50_000
_DAYS_OF = (366, 31, 7, 1, 1, 1, 1)
_NOT_WITH = {
    "BYWEEKNO": FREQUENCIES[1:],
    "BYYEARDAY": ("MONTHLY", "WEEKLY", "DAILY"),
    "BYMONTHDAY": ("WEEKLY",),
}
_MOST_DATES = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class RecurrenceTrigger(WallTrigger):
    """The instants of a recurrence."""

    kind: ClassVar[str] = "rrule"


def read(reading: Reading) -> RecurrenceTrigger:
    """Return the trigger of the arguments; raises TriggerError, also without python-dateutil."""
    _need_dateutil()
    args, errors = reading.args, reading.errors
    for name, example in (
        ("rrule", "'FREQ=MONTHLY;BYDAY=-1FR'"),
        ("dtstart", "'2030-01-31 09:00'"),
    ):
        if name not in args and not errors:
            remedy = f"Write {name}={example}."
            errors.append(TriggerError(f"An rrule needs its {name}.", field=name, remedy=remedy))
    bounds = reading.bounds()
    zone = bounds.zone
    start = reading.read(0, _wall, "dtstart", args.get("dtstart", "2000-01-01"), zone)
    none: tuple[int, ...] = ()
    others = reading.read(none, _walls, "rdate", args.get("rdate", ()), zone)
    without = reading.read(none, _walls, "exdate", args.get("exdate", ()), zone)
    given = reading.read(None, _parts, args.get("rrule", "FREQ=DAILY"))
    reading.finish()
    assert given is not None
    rule = _rule(given, start)
    until = _until(given["UNTIL"], zone) if "UNTIL" in given else None
    if "COUNT" in given:
        until = Recurrence(rule, start, None, (), frozenset()).nth(int(given["COUNT"]))
    pattern = Recurrence(rule, start, until, others, frozenset(without))
    changes = CHANGES[reading.dst][rule.freq >= HOURLY]
    found = RecurrenceTrigger(pattern, zone, changes, bounds.start, bounds.end, bounds.jitter)
    if found.next_after(-LAST_INSTANT) is None:
        raise _never(args)
    return found


def _need_dateutil() -> None:
    try:
        import dateutil.rrule  # noqa: F401
    except ImportError:
        raise TriggerError(
            "rrule needs python-dateutil, which is not installed.",
            field="trigger",
            remedy="Install it: pip install 'rota[rrule]'.",
        ) from None


def _never(args: Args) -> TriggerError:
    return TriggerError(
        f"rrule={quoted(args['rrule'])} can never fire: it names no time from dtstart on.",
        field="rrule",
        remedy="Look at it together with dtstart, exdate, start_date, end_date and dst.",
    )


def _wall(name: str, value: object, zone: Zone) -> int:
    second = read_moment(name, value, zone) // SECOND
    if not second >= 0:
        raise refuse(name, value, "before 1970")
    return second + zone.offset_at(second)


def _walls(name: str, value: object, zone: Zone) -> tuple[int, ...]:
    listed = value if isinstance(value, (list, tuple)) else [value]
    if len(listed) > _MOST_DATES:
        raise refuse(name, len(listed), f"more than {_MOST_DATES:,} dates")
    return tuple(_wall(name, one, zone) for one in listed)


def _parts(value: object) -> dict[str, str]:
    """Return the parts of a rule by their names, in capitals; each is understood."""
    if not isinstance(value, str) or len(value) > LONGEST:
        raise refuse("rrule", value, "not a text of at most 1000 characters", _EXAMPLE)
    text = value.strip().upper().removeprefix("RRULE:")
    given: dict[str, str] = {}
    for part in text.split(";"):
        name, mark, said = part.partition("=")
        if not mark or not said:
            raise refuse("rrule", value, f"{quoted(part)} is no part of a rule", _EXAMPLE)
        if name not in _KNOWN:
            why = f"{quoted(name)} is no part of a rule"
            raise refuse("rrule", value, why, nearest(name, _KNOWN))
        if name in given:
            raise refuse("rrule", value, f"{name} is there twice", "Keep one.")
        given[name] = said
    if given.get("FREQ") not in FREQUENCIES:
        why = f"FREQ={quoted(given.get('FREQ', ''))} is no frequency"
        raise refuse("rrule", value, why, f"Write one of {', '.join(FREQUENCIES)}.")
    _check(value, given)
    return given


def _check(value: str, given: Mapping[str, str]) -> None:
    """Refuse what RFC 5545 does, and what python-dateutil would read as something else."""

    def wrong(why: str, remedy: str = "") -> TriggerError:
        return refuse("rrule", value, why, remedy)

    if "COUNT" in given and "UNTIL" in given:
        raise wrong("COUNT and UNTIL exclude each other", "Keep one.")
    for name in (name for name in ("INTERVAL", "COUNT") if name in given):
        if not given[name].isdecimal() or not int(given[name][:9]) >= 1 or len(given[name]) > 9:
            raise wrong(f"{name}={quoted(given[name])} is no number from 1 on")
    if int(given.get("COUNT", 1)) > _MOST_COUNT:
        raise wrong(f"COUNT is above {_MOST_COUNT:,}", "Write UNTIL.")
    for name, (_, low, high, negative) in _NUMBERS.items():
        for text in given[name].split(",") if name in given else ():
            digits = text.lstrip("+-") if negative else text
            if not digits.isdecimal() or len(digits) > 4 or not low <= int(digits) <= high:
                raise wrong(f"{name}={quoted(text)} is not in {low}-{high}")
    for text in given.get("BYDAY", "MO").split(","):
        found = _BYDAY.fullmatch(text)
        if found is None or (found[1] and not 1 <= abs(int(found[1])) <= 53):
            raise wrong(f"BYDAY={quoted(text)} is no weekday", "Write MO, -1FR or 2TU.")
        if found[1] and (given["FREQ"] not in ("YEARLY", "MONTHLY") or "BYWEEKNO" in given):
            raise wrong(f"BYDAY={quoted(text)}: a number goes with YEARLY and MONTHLY alone")
    if given.get("WKST", "MO") not in _DAYS:
        raise wrong(f"WKST={quoted(given['WKST'])} is no weekday", "Write MO, TU, … SU.")
    if "UNTIL" in given and _UNTIL.fullmatch(given["UNTIL"]) is None:
        raise wrong("UNTIL is no date", "Write 20301231, 20301231T235959 or 20301231T235959Z.")
    for name, frequencies in _NOT_WITH.items():
        if name in given and given["FREQ"] in frequencies:
            raise wrong(f"{name} does not go with FREQ={given['FREQ']}")
    if "BYSETPOS" in given and not any(
        name.startswith("BY") for name in given if name != "BYSETPOS"
    ):
        raise wrong("BYSETPOS needs another BY… as well")


def _rule(given: Mapping[str, str], start: int) -> RecurrenceRule:
    """Return the rule, with what RFC 5545 takes from DTSTART; raises TriggerError."""
    from dateutil.rrule import weekday

    freq, at = FREQUENCIES.index(given["FREQ"]), datetime_of(start)
    parts: dict[str, Any] = {
        key: [int(one) for one in given[name].split(",")]
        for name, (key, *_) in _NUMBERS.items()
        if name in given
    }
    if "BYDAY" in given:
        found = [_BYDAY.fullmatch(text) for text in given["BYDAY"].split(",")]
        parts["byweekday"] = [
            weekday(_DAYS.index(one[2]), int(one[1]) if one[1] else None) for one in found if one
        ]
    if parts.keys().isdisjoint(("byweekno", "byyearday", "bymonthday", "byweekday")):
        if freq == 0:
            parts.setdefault("bymonth", [at.month])
        if freq <= 1:
            parts["bymonthday"] = [at.day]
        if freq == 2:
            parts["byweekday"] = [at.weekday()]
    elif "byweekno" in parts and parts.keys().isdisjoint(("byyearday", "bymonthday", "byweekday")):
        parts["byweekday"] = [at.weekday()]
    for level, name in ((4, "hour"), (5, "minute"), (6, "second")):
        if freq < level:
            parts.setdefault(f"by{name}", [getattr(at, name)])
    times = 1
    for name in ("byhour", "byminute", "bysecond"):
        times *= len(parts.get(name, (0,)))
    if times * _DAYS_OF[freq] > _MOST_IN_A_PERIOD:
        why = f"it may name {times * _DAYS_OF[freq]:,} times in one period"
        raise refuse("rrule", given["FREQ"], why, "Write a higher FREQ, like MINUTELY.")
    wkst = _DAYS.index(given.get("WKST", "MO"))
    rule = RecurrenceRule(freq, int(given.get("INTERVAL", 1)), wkst, parts)
    try:
        made(rule, at, at)
        if not can_name(rule):
            raise ValueError("BYSETPOS")
    except ValueError:  # like every 2nd hour from 00:00 on, but those of 01:00
        raise _never({"rrule": ";".join(f"{key}={said}" for key, said in given.items())}) from None
    return rule


def _until(text: str, zone: Zone) -> int:
    """Return the last wall time that UNTIL leaves; a date means the whole of it."""
    found = _UNTIL.fullmatch(text)
    assert found is not None  # `_check` saw it
    year, month, day, hour, minute, second, utc = found.groups()
    clock = f"{hour}:{minute}:{second}" if hour else "23:59:59"
    text = f"{year}-{month}-{day}T{clock}{'Z' if utc else ''}"
    return _wall("rrule", text, zone)


def words(rule: RecurrenceTrigger, args: Args) -> str:
    """Describe the trigger: the rule as it is written, and its dates."""
    pattern, zone = rule.pattern, rule.zone
    assert isinstance(pattern, Recurrence)
    text = str(args["rrule"]).strip().upper().removeprefix("RRULE:")

    def at(walls: object) -> str:
        assert isinstance(walls, (tuple, frozenset))
        instants: list[Instant] = [zone.instant_of(wall) * SECOND for wall in sorted(walls)]
        return join([moment(one, zone.key) for one in instants])

    said = f"by {text} from {at((pattern.start,))}"
    said += f", also at {at(pattern.others)}" if pattern.others else ""
    said += f", not at {at(pattern.without)}" if pattern.without else ""
    return (
        f"{said}{bounds_in_words(rule.start, rule.end, zone.key)}{delay(rule.jitter)}, {zone.key}"
    )


KIND = TriggerKind(
    name="rrule",
    meaning="as a recurrence rule of RFC 5545 (iCalendar) says; needs `rota[rrule]`",
    arguments={
        "rrule": "the rule, like `FREQ=MONTHLY;BYDAY=-1FR`",
        "dtstart": "the moment from which it counts, like `run_date`",
        "rdate": "a list of moments that are named besides",
        "exdate": "a list of moments that are left out",
        **BOUNDS,
    },
    example={"rrule": "FREQ=MONTHLY;BYDAY=-1FR", "dtstart": "2030-01-01 09:00"},
    read=read,
    words=words,
    short="rrule",
    takes="rrule",
    names_moment=lambda _: True,
)
