"""`@rota.task`: a definition that stands at its function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

MARK = "__rota_task__"


@dataclass(frozen=True, slots=True)
class Pending:
    """A definition as it was written, not yet checked; None: not given."""

    trigger: Any
    id: Any
    options: Mapping[str, Any]


def task(trigger: Any = None, *, id: Any = None, **options: Any) -> Callable[[F], F]:
    """Define a task at its function, which stays as it is: `@rota.task("cron", hour=9)`.

    Takes the options of `add_task`; the id is the function's name where none is given, and
    `crontab=` needs no trigger. May stand several times on one function, with different ids. Raises
    nothing: mistakes are reported, with all others, when the task file is loaded.
    """
    if trigger is None and "crontab" in options:
        trigger = "cron"

    def mark(func: F) -> F:
        pending = Pending(None if callable(trigger) else trigger, id, options)
        with suppress(AttributeError, TypeError):  # what takes no attribute is no function
            # The lowest decorator runs first, the highest is read first.
            setattr(func, MARK, (pending, *getattr(func, MARK, ())))
        return func

    # Without parentheses the function itself arrives here; the check will miss its trigger.
    return mark if not callable(trigger) else mark(trigger)


def pending_of(func: Any) -> tuple[Pending, ...]:
    """Return what `@rota.task` noted at a function, topmost first."""
    found = getattr(func, MARK, ())
    return found if isinstance(found, tuple) else ()
