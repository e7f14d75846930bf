"""From what a task definition says to a trigger, with every mistake of it in one error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from rota.core.task import JOB
from rota.core.time import Instant
from rota.core.trigger import Trigger
from rota.errors import TriggerError, nearest
from rota.triggers.exceptions import Excepting, excepting
from rota.triggers.foreign_options import instead_of
from rota.triggers.kinds import KINDS, SHORT
from rota.triggers.kinds.kind import CHANGES, EXCEPT, Reading
from rota.triggers.trigger_errors import refuse, shown

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


def describe(
    trigger: str,
    trigger_args: Mapping[str, object],
    *,
    timezone: str = "UTC",
    task_id: str = "",
) -> str:
    """Return the trigger in words, like "every weekday at 09:00, Europe/Berlin".

    Cron and date end with the zone, and so does an interval that names a moment. Raises
    TriggerError as `parse` does.
    """
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
    rule = kind.read(reading)
    words = kind.words(rule, args) if around.with_words else ""
    if not exceptions:
        return rule, words
    found = excepting(rule, tuple(one for one, _ in exceptions))
    return found, f"{words}, except {' or '.join(f'({said})' for _, said in exceptions)}"


def _exceptions(reading: Reading, value: object) -> tuple[tuple[Trigger, str], ...]:
    listed = value if isinstance(value, (list, tuple)) else [value]
    named = [one for one in listed if isinstance(one, str)]
    if named:  # a calendar's name
        remedy = "There are no calendars yet: write definitions, like {'crontab': '0 9 25 12 *'}."
        reading.errors.append(refuse(EXCEPT, named[0], "no calendar of that name", remedy))
        return ()
    return reading.definitions(EXCEPT, value)


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
    return KINDS[trigger].caution(rule.rule if isinstance(rule, Excepting) else rule)


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
    unknown = [name for name in args if name not in KINDS[trigger].arguments and name != EXCEPT]
    errors = [
        TriggerError(
            f"{trigger} has no argument '{shown(name)}'.",
            field=shown(name),
            text=shown(args[name]),
            remedy=instead_of(name) or _remedy(trigger, name),
        )
        for name in unknown[:_MOST_UNKNOWN]
    ]
    left = len(unknown) - _MOST_UNKNOWN
    if left > 0:  # searching the nearest known name of each would take too long
        last = shown(unknown[-1])
        what = f"{trigger} has no argument '{last}', nor {left:,} more that are given."
        errors.append(TriggerError(what, field=last, remedy="Leave them out."))
    return errors


def _remedy(trigger: str, name: str) -> str:
    kind = next((kind.name for kind in KINDS.values() if name in kind.arguments), None)
    if trigger == JOB and kind is not None:
        return f"Write trigger={kind!r} as well: a task without a trigger is a job."
    return _suggest(name, [*KINDS[trigger].arguments, EXCEPT])


def _suggest(name: object, known: list[str]) -> str:
    return nearest(shown(name), known)
