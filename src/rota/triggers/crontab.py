"""A crontab text, `*/15 9-17 * * mon-fri`, with its Unix meaning: crontab(5), as Debian has it.

- 0 and 7 are Sunday. Names and numbers mix, in lists, ranges and steps.
- A day matches when its day of month *or* its weekday does, if both are restricted. A field that
  begins with `*` counts as unrestricted, so `*/2` goes with the other field by *and*: that is what
  Debian's cron does, and cronsim.
- `L` is the last day of the month, `L-3` the third day before it, `LW` its last Monday-to-Friday,
  and `15W` the Monday-to-Friday nearest to the 15th in the same month, as Quartz has them. `5L` is
  the last Friday and `fri#2` the second one.
- `H` and `~` are values that follow from the task's id: see `spread`.
- `CRON_TZ=Zone` at the head names the zone, and `@every 90m` is an interval, as in Go's cron.
- A step may be as long as its range (`*/60` minutes is minute 0) but not longer: `*/90` minutes
  would run every hour.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from rota.core.time import HOUR, MINUTE, SECOND, Instant
from rota.triggers.base import LAST_INSTANT
from rota.triggers.day_rules import (
    ALL_WEEKS,
    BEFORE_LAST,
    LAST_DAY,
    LAST_POSITION,
    LAST_WORKDAY,
    NEAREST_WORKDAY,
    DayRule,
    bits,
    position,
)
from rota.triggers.fields import (
    KEYWORDS,
    MONTHS,
    WEEKDAYS,
    Field,
    FieldKind,
    FieldMistake,
    read,
)
from rota.triggers.spread import without_spread
from rota.triggers.trigger_errors import LONGEST, one_error, quoted, refuse
from rota.triggers.wall_times import Pattern, pattern

SHORTEST: Instant = 1_000

_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_SUNDAY_FIRST = {name: number for number, name in enumerate(("sun", *WEEKDAYS[:6]))}
_NTH = re.compile(r"([a-z]+|[0-9])#([0-9]+)")
_LAST = re.compile(r"([a-z]{3}|[0-9])l")
_NEAREST = re.compile(r"([0-9]*)w")
_BEFORE_LAST = re.compile(r"l-([0-9]+)(w?)")
_HEAD = re.compile(r"(?:CRON_TZ=(\S*)\s+)(.*)", re.DOTALL)
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|[hms])")
_UNITS = {"h": HOUR, "m": MINUTE, "s": SECOND, "ms": 1_000}


def _day_word(term: str) -> int | None:
    if term == "l":
        return LAST_DAY
    if term == "lw":
        return LAST_WORKDAY
    if found := _NEAREST.fullmatch(term):
        day = int(found[1]) if found[1] and len(found[1]) < 3 else 0
        if not 1 <= day <= 31:
            raise FieldMistake(f"{quoted(term)} names no day", "Write '1W' to '31W', or 'LW'.")
        return NEAREST_WORKDAY + day
    if found := _BEFORE_LAST.fullmatch(term):
        before = int(found[1]) if len(found[1]) < 3 else 0
        if found[2] or not 1 <= before <= 30:
            raise FieldMistake(f"{quoted(term)} is not known", "Write 'L-1' to 'L-30'.")
        return BEFORE_LAST + before
    return None


def _weekday_word(term: str) -> int | None:
    if term == "l":
        raise FieldMistake("'L' names no weekday", "Write '5L' for the last Friday of the month.")
    if found := _LAST.fullmatch(term):
        return position(LAST_POSITION, _weekday(found[1]))
    if found := _NTH.fullmatch(term):
        nth = found[2].lstrip("0")
        if nth not in {"1", "2", "3", "4", "5"}:
            raise FieldMistake(f"{quoted(term)}: no month has that many", "Write '#1' to '#5'.")
        return position(int(nth), _weekday(found[1]))
    return None


def _weekday(text: str) -> int:
    """Return the weekday (0 = Monday) of a crontab number or name."""
    number = _SUNDAY_FIRST.get(text, int(text) if text.isdigit() else 8)
    if number > 7:
        raise FieldMistake(f"{quoted(text)} is no weekday", "Write 0-7 or sun, mon, … sat.")
    return (number - 1) % 7


_KINDS = (
    FieldKind("minute", 0, 59, crontab=True),
    FieldKind("hour", 0, 23, crontab=True),
    FieldKind("day", 1, 31, special=_day_word, crontab=True),
    FieldKind("month", 1, 12, {name: n for n, name in enumerate(MONTHS, 1)}, crontab=True),
    FieldKind("day_of_week", 0, 7, _SUNDAY_FIRST, special=_weekday_word, crontab=True),
)


class Crontab(NamedTuple):
    """A crontab text, and the zone at its head."""

    text: str
    zone: str | None = None

    @property
    def is_interval(self) -> bool:
        """Return whether it is `@every`."""
        return self.text.lower().startswith("@every")


def split_zone(value: object) -> Crontab:
    """Return a crontab text without its zone, and that; raises TriggerError."""
    if not isinstance(value, str):
        raise refuse("crontab", value, "not a text", "Write one like '*/15 9-17 * * mon-fri'.")
    if len(value) > LONGEST:
        raise refuse("crontab", value, f"longer than {LONGEST} characters")
    text = value.strip(" \t\r\n")
    found = _HEAD.fullmatch(text)
    return Crontab(text) if found is None else Crontab(found[2], found[1])


def read_every(text: str) -> Instant:
    """Return the period of `@every 1h30m`; raises TriggerError."""
    wanted = text[len("@every") :].strip()
    found = _DURATION.findall(wanted)
    if not found or "".join(map("".join, found)) != wanted or len(wanted) > 50:
        remedy = "Write '@every 90m', '@every 1h30m' or '@every 10s'."
        raise refuse("crontab", text, "not a duration", remedy)
    period = round(sum(Fraction(number) * _UNITS[unit] for number, unit in found))
    if not SHORTEST <= period <= LAST_INSTANT:
        raise refuse("crontab", text, "too short or too long", "Write 1ms or more.")
    return period


def read_crontab(value: object, task_id: str = "") -> tuple[Pattern, bool]:
    """Return the pattern of a crontab text, and whether hour or minute has a `*` or a step.

    Raises TriggerError with the field `crontab`; its words name the part and the text.
    """
    parts = _split(value)
    fields: list[Field] = []
    errors = []
    for kind, part in zip(_KINDS, parts, strict=True):
        try:
            fields.append(read(kind, without_spread(kind, part, task_id)))
        except FieldMistake as mistake:
            why = f"{kind.name} {quoted(part)}: {mistake.why}"
            errors.append(refuse("crontab", value, why, mistake.remedy))
    if errors:
        raise one_error(errors)
    minute, hour, day, month, weekday = fields
    rule = DayRule(
        months=month.values,
        days=day.values,
        weeks=ALL_WEEKS,
        weekdays=_monday_first(weekday.values),
        either=not (parts[2].startswith("*") or parts[4].startswith("*")),
    )
    every_year = KEYWORDS["year"].everything.values
    return pattern(every_year, rule, hour.values, minute.values, 1), minute.repeats or hour.repeats


def _split(value: object) -> list[str]:
    text = split_zone(value).text
    if text.startswith("@"):
        text = _nickname(text)
    parts = re.split(r"[ \t]+", text)
    if len(parts) != 5:
        raise refuse("crontab", value, _wrong_number(parts, text), _right_number(parts))
    return parts


def _nickname(text: str) -> str:
    found = _NICKNAMES.get(text.lower())
    if found is not None:
        return found
    if text.lower() == "@reboot":
        why = "@reboot names no time"
        raise refuse("crontab", text, why, "Start the work from the application's own start-up.")
    known = ", ".join(_NICKNAMES)
    raise refuse("crontab", text, "not a word of crontab(5)", f"Known: {known}.")


def _wrong_number(parts: list[str], text: str) -> str:
    if not text:
        return "it is empty"
    return f"{len(parts)} {'field' if len(parts) == 1 else 'fields'} instead of five"


def _right_number(parts: list[str]) -> str:
    order = "Write minute, hour, day of month, month and day of week, and nothing else."
    if "=" in parts[0]:
        return f"{order} The zone belongs into timezone=…, or CRON_TZ=… at the head."
    if len(parts) == 6:
        return f"{order} For seconds use the keyword fields, with second=…."
    return order


def _monday_first(weekdays: int) -> int:
    """Turn bits 0-7 with 0 and 7 for Sunday into bits 0-6 from Monday; keep the position bits."""
    rest = weekdays >> 8 << 8
    for number in bits(weekdays & 0xFF):
        rest |= 1 << (number - 1) % 7
    return rest
