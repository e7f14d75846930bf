"""Calendars by name: what a definition says is put in the place of a name, with the data used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rota.errors import TriggerError, nearest
from rota.triggers.calendars import sources
from rota.triggers.trigger_errors import refuse

CALENDAR, ROLL = "calendar", "roll"
"""The arguments of every kind that say by which calendar it is, and how."""

EXCEPT = "except"

Calendars = Mapping[str, Mapping[str, Any]]
"""The section `calendars` of a configuration: a definition by each name."""


def resolved(args: Mapping[str, Any], calendars: Calendars) -> Mapping[str, Any]:
    """Return a trigger's arguments with the definition of each calendar in the place of its name,
    so that they mean the same wherever they are read; raises TriggerError for an unknown name.

    `data` in it is the release of the package that knows the holidays, `sha256` the hash of a file.
    """
    changed: dict[str, Any] = {}
    if args.get(CALENDAR) is not None:
        changed[CALENDAR] = _definition(args[CALENDAR], calendars, CALENDAR)
    exceptions = args.get(EXCEPT)
    if exceptions is not None:
        listed = exceptions if isinstance(exceptions, (list, tuple)) else [exceptions]
        if any(isinstance(one, str) or _names_calendar(one) for one in listed):
            changed[EXCEPT] = [_exception(one, calendars) for one in listed]
    return {**args, **changed} if changed else args


def named(args: Mapping[str, Any], calendars: Calendars | None) -> Mapping[str, Any]:
    """Return a trigger's arguments as `resolved` does; None: with the calendars that are in the
    configuration of this process, which is read only if the arguments name one."""
    if calendars is None:
        exceptions = args.get(EXCEPT)
        listed = exceptions if isinstance(exceptions, (list, tuple)) else [exceptions]
        if not any(isinstance(one, str) for one in (args.get(CALENDAR), *listed)):
            calendars = {}
        else:
            from rota.config import current

            calendars = current().manager.calendars
    return resolved(args, calendars)


def _names_calendar(one: object) -> bool:
    return isinstance(one, Mapping) and set(one) == {CALENDAR}


def _exception(one: object, calendars: Calendars) -> object:
    if isinstance(one, str):
        return {CALENDAR: _definition(one, calendars, EXCEPT)}
    if isinstance(one, Mapping) and _names_calendar(one):
        return {CALENDAR: _definition(one[CALENDAR], calendars, EXCEPT)}
    return one


def _definition(value: object, calendars: Calendars, place: str) -> object:
    if isinstance(value, str):
        return _of_name(value, calendars, place, ())
    return _with_data(dict(value), calendars, place, ()) if isinstance(value, Mapping) else value


def _of_name(name: str, calendars: Calendars, place: str, above: tuple[str, ...]) -> dict[str, Any]:
    if name not in calendars:
        hint = nearest(name, list(calendars)) if calendars else ""
        remedy = f"{hint} Define it in the configuration's section calendars.".strip()
        raise refuse(place, name, "no calendar of that name", remedy)
    if name in above:
        path = " → ".join([*above[above.index(name) :], name])
        raise TriggerError(
            f"The calendar {name!r} contains itself: {path}.",
            field=place,
            remedy="Take one of them out of `plus`.",
        )
    given = {key: value for key, value in calendars[name].items() if value is not None}
    return {"name": name, **_with_data(given, calendars, place, (*above, name))}


def _with_data(
    given: dict[str, Any], calendars: Calendars, place: str, above: tuple[str, ...]
) -> dict[str, Any]:
    if isinstance(given.get("plus"), (list, tuple)):
        given["plus"] = [
            _of_name(one, calendars, place, above)
            if isinstance(one, str)
            else (
                _with_data(dict(one), calendars, place, above) if isinstance(one, Mapping) else one
            )
            for one in given["plus"]
        ]
    if given.get("country") is not None or given.get("market") is not None:
        given["data"] = sources.data_release()
    if isinstance(given.get("ics"), str):
        given["sha256"] = sources.file_hash(given["ics"], place)
    return given


def has_same_data(args: Mapping[str, Any]) -> bool:
    """Return whether the calendars in a trigger's arguments have the days that they had when the
    arguments were written: the same release of the package, the same files."""
    definitions = [args.get(CALENDAR)]
    exceptions = args.get(EXCEPT)
    if isinstance(exceptions, (list, tuple)):
        definitions += [one.get(CALENDAR) for one in exceptions if isinstance(one, Mapping)]
    try:
        return all(_is_same(one) for one in definitions if isinstance(one, Mapping))
    except TriggerError:
        return False


def _is_same(definition: Mapping[str, Any]) -> bool:
    if "data" in definition and definition["data"] != sources.data_release():
        return False
    path = definition.get("ics")
    if "sha256" in definition and sources.file_hash(str(path), CALENDAR) != definition["sha256"]:
        return False
    plus = definition.get("plus")
    return not isinstance(plus, list) or all(_is_same(one) for one in plus)
