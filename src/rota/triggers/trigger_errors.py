"""The wording of a trigger's mistakes: the argument, its value, why it is refused, what to write
instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime

from rota.errors import TriggerError

SHOWN = 80
"""Characters of a user's text that an error repeats."""

LONGEST = 1000
"""Characters that an argument may have: every list that means something is shorter."""

_MOST = 10


def shown(value: object) -> str:
    """Write any value in at most about `SHOWN` printable characters; never raises."""
    match value:
        case str():
            cut = value[:SHOWN] + ("…" if len(value) > SHOWN else "")
            return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)
        case None | bool() | float():
            return repr(value)
        case int():
            bits = value.bit_length()
            return str(int(value)) if bits < 200 else f"a number of {bits} bits"
        case date() if type(value) in (date, datetime):
            with suppress(Exception):  # a time zone of a class that is not rota's
                return value.isoformat()
            return f"a {type(value).__name__}"
        case _:
            return f"a value of type {type(value).__name__[:SHOWN]}"


def quoted(value: object) -> str:
    """Write any value as `shown`, and a text in quotes."""
    return f"'{shown(value)}'" if isinstance(value, str) else shown(value)


def refuse(field: str, value: object, why: str, remedy: str = "") -> TriggerError:
    """Return the error that says why `field=value` is not understood."""
    return TriggerError(
        f"{field}={quoted(value)}: {why}.", field=field, text=shown(value), remedy=remedy
    )


def one_error(errors: Sequence[TriggerError]) -> TriggerError:
    """Return the first of `errors`; its text names the others as well, so that all can be fixed
    after one reading.
    """
    first, *others = errors
    if not others:
        return first
    also = [f"Also: {error}" for error in others[:_MOST]]
    more = [f"And {len(others) - _MOST} more."] if len(others) > _MOST else []
    return TriggerError(
        first.what,
        field=first.field,
        text=first.text,
        remedy=" ".join([*([first.remedy] if first.remedy else []), *also, *more]),
    )
