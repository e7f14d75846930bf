"""`@rota.task`: a definition that stands at its function."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_MARKS = "__rota_tasks__"


@dataclass(frozen=True, slots=True)
class Pending:
    """A definition as it was written, not yet checked; None: not given."""

    func: Any
    trigger: Any
    id: Any
    options: Mapping[str, Any]
    line: int  # at which the module was


def task(trigger: Any = None, *, id: Any = None, **options: Any) -> Callable[[F], F]:
    """Define a task at its function, which stays as it is: `@rota.task("cron", hour=9)`.

    Takes the options of `add_task`; the id is the function's name where none is given, and
    `crontab=` needs no trigger. May stand several times on one function, with different ids. Raises
    nothing: mistakes are reported, with all others, when the task file is loaded.
    """
    if trigger is None and options.get("crontab") is not None:
        trigger = "cron"

    def mark(func: F) -> F:
        frame = _importing()
        if frame is not None:
            given = None if callable(trigger) else trigger
            pending = Pending(func, given, id, options, frame.f_lineno)
            frame.f_globals.setdefault(_MARKS, []).append(pending)
        return func

    # Without parentheses the function itself arrives here; the check will miss its trigger.
    return mark if not callable(trigger) else mark(trigger)


def pending_in(module: ModuleType) -> list[Pending]:
    """Return what `@rota.task` marked while a module was imported, in the order of the marks."""
    return list(vars(module).get(_MARKS, ()))


def _importing() -> FrameType | None:
    """Return the frame of the module whose import is under way here, the innermost one's."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    # A program is not imported, and its frame stays for as long as it runs.
    return None if frame is None or frame.f_globals.get("__name__") == "__main__" else frame
