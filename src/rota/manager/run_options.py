"""Checks what a single run may have of its own: its options, its time, its key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from rota.core.ports.records import OnConflict
from rota.core.task import RUN_OPTIONS
from rota.core.time import Instant, seconds
from rota.definitions.options import OPTIONS
from rota.definitions.readers import Refusal, number, text, word
from rota.errors import DefinitionError, Mistakes, RotaError

_LONGEST_DELAY = 1_000_000_000  # seconds, thirty years

_READERS: Mapping[str, Callable[[Any], Any]] = {
    **{name: OPTIONS[name].read for name in (*RUN_OPTIONS, "priority")},
    "delay": number(0, _LONGEST_DELAY, "seconds"),
    "key": text(),
    "on_conflict": word(OnConflict),
}
PLAIN = frozenset({"run_at", "connection", "on_commit"})
"""Options that are read elsewhere."""


class OwnOptions(NamedTuple):
    """What one call asks for besides its arguments; None: not given."""

    available_at: Instant | None = None
    key: str | None = None
    on_conflict: OnConflict = OnConflict.RETURN
    priority: int | None = None
    options: Mapping[str, Any] | None = None
    connection: Any = None
    on_commit: Callable[[Callable[[], Any]], Any] | None = None


NOTHING = OwnOptions()


def read_options(
    given: Mapping[str, Any], *, now: Instant, moment: Callable[[str, datetime], Instant]
) -> OwnOptions:
    """Return what a call asks for, checked; raises DefinitionError, or Mistakes for several.

    `moment` returns the instant of a time that may have no zone.
    """
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        return NOTHING
    errors: list[RotaError] = []
    read: dict[str, Any] = {}
    for name, value in given.items():
        if name in PLAIN:
            continue
        try:
            read[name] = _READERS[name](value)
        except Refusal as why:
            what = f"{value!r:.100} {why.why}."
            errors.append(DefinitionError(what, where=name, remedy=why.remedy))
    available_at = None
    if "run_at" in given and "delay" in given:
        remedy = "Give one of the two."
        errors.append(
            DefinitionError("is given together with delay.", where="run_at", remedy=remedy)
        )
    elif "run_at" in given:
        available_at = _run_at(given["run_at"], moment, errors)
    elif "delay" in read:
        available_at = now + seconds(read["delay"])
    if "on_conflict" in read and "key" not in read and "key" not in given:
        remedy = "Give a key as well, or leave it out."
        errors.append(DefinitionError("there is no key.", where="on_conflict", remedy=remedy))
    if "connection" in given and "on_commit" in given:
        remedy = "Give one of the two."
        errors.append(
            DefinitionError("is given together with connection.", where="on_commit", remedy=remedy)
        )
    if errors:
        raise errors[0] if len(errors) == 1 else Mistakes(errors)
    own = {name: read[name] for name in RUN_OPTIONS if name in read}
    return OwnOptions(
        available_at,
        read.get("key"),
        read.get("on_conflict", OnConflict.RETURN),
        read.get("priority"),
        own or None,
        given.get("connection"),
        given.get("on_commit"),
    )


def _run_at(
    value: Any, moment: Callable[[str, datetime], Instant], errors: list[RotaError]
) -> Instant | None:
    if not isinstance(value, date):
        what = f"{value!r:.100} is of type {type(value).__name__}, not a datetime."
        remedy = "Give a datetime; without a zone it is read in the task's."
        errors.append(DefinitionError(what, where="run_at", remedy=remedy))
        return None
    try:
        return moment("run_at", value)  # type: ignore[arg-type]
    except DefinitionError as error:
        errors.append(error)
        return None
