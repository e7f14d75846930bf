"""A crontab text, `*/15 9-17 * * mon-fri`, with its Unix meaning: crontab(5), as Debian has it.

- 0 and 7 are Sunday. Names and numbers mix, in lists, ranges and steps.
- A day matches when its day of month *or* its weekday does, where both are restricted. A field that
  begins with `*` counts as unrestricted, so `*/2` goes with the other field by *and*: that is what
  Debian's cron does, and cronsim.
- `L` is the last day of the month and `LW` its last Monday-to-Friday; `5L` is the last Friday and
  `fri#2` the second one.
- A step may be as long as its range (`*/60` minutes is minute 0) but not longer: `*/90` minutes
  would run every hour.
"""

from __future__ import annotations

import re

from rota.triggers.day_rules import (
    ALL_WEEKS,
    LAST_DAY,
    LAST_POSITION,
    LAST_WORKDAY,
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
from rota.triggers.trigger_errors import LONGEST, one_error, quoted, refuse
from rota.triggers.wall_times import Pattern, pattern

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
_NEAREST_WORKDAY = re.compile(r"[0-9]+w|w")


def _day_word(term: str) -> int | None:
    if term == "l":
        return LAST_DAY
    if term == "lw":
        return LAST_WORKDAY
    if _NEAREST_WORKDAY.fullmatch(term):
        raise FieldMistake(
            f"{quoted(term)}, the nearest workday, is not known",
            "Only 'LW', the last workday of the month, is.",
        )
    if term.startswith("l-"):
        raise FieldMistake(f"{quoted(term)} is not known", "Only 'L', the last day, is.")
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


def read_crontab(value: object) -> tuple[Pattern, bool]:
    """Return the pattern of a crontab text, and whether hour or minute has a `*` or a step.

    Raises TriggerError with the field `crontab`; its words name the part and the text.
    """
    parts = _split(value)
    fields: list[Field] = []
    errors = []
    for kind, part in zip(_KINDS, parts, strict=True):
        try:
            fields.append(read(kind, part))
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
    if not isinstance(value, str):
        raise refuse("crontab", value, "not a text", "Write one like '*/15 9-17 * * mon-fri'.")
    if len(value) > LONGEST:
        raise refuse("crontab", value, f"longer than {LONGEST} characters")
    text = value.strip(" \t\r\n")
    if text.startswith("@"):
        text = _nickname(value, text)
    parts = re.split(r"[ \t]+", text)
    if len(parts) != 5:
        raise refuse("crontab", value, _wrong_number(parts, text), _right_number(parts))
    return parts


def _nickname(value: str, text: str) -> str:
    found = _NICKNAMES.get(text.lower())
    if found is not None:
        return found
    if text.lower() == "@reboot":
        why = "@reboot names no time"
        raise refuse("crontab", value, why, "Start the work from the application's own start-up.")
    if text.lower().startswith("@every"):
        why = "@every is not a crontab word"
        raise refuse("crontab", value, why, "Use trigger='interval' with minutes=… or hours=….")
    known = ", ".join(_NICKNAMES)
    raise refuse("crontab", value, "not a word of crontab(5)", f"Known: {known}.")


def _wrong_number(parts: list[str], text: str) -> str:
    if not text:
        return "it is empty"
    return f"{len(parts)} {'field' if len(parts) == 1 else 'fields'} where five belong"


def _right_number(parts: list[str]) -> str:
    order = "Write minute, hour, day of month, month and day of week, and nothing else."
    if "=" in parts[0]:
        return f"{order} The zone belongs into timezone=…."
    if len(parts) == 6:
        return f"{order} For seconds use the keyword fields, with second=…."
    return order


def _monday_first(weekdays: int) -> int:
    """Turn bits 0-7 with 0 and 7 for Sunday into bits 0-6 from Monday; keep the position bits."""
    rest = weekdays >> 8 << 8
    for number in bits(weekdays & 0xFF):
        rest |= 1 << (number - 1) % 7
    return rest
