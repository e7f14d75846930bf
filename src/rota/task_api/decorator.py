"""`@rota.task`: a definition that is written at its function."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any, ParamSpec, Protocol, TypeVar, cast, overload

from rota.task_api.jobs import TaskFunction, equip

P = ParamSpec("P")
R = TypeVar("R")

on_mark: Callable[[Pending, dict[str, Any]], None] | None = None
"""Called with each mark and the names of its module, once a task manager is there."""

_MARKS = "__rota_tasks__"


@dataclass(frozen=True, slots=True)
class Pending:
    """A definition as it was written, not yet checked; None: not given."""

    func: Any
    trigger: Any
    id: Any
    options: Mapping[str, Any]
    line: int  # at which the module was


class Marker(Protocol):
    """What `@rota.task(…)` makes of a function: the same, with `enqueue` and the like."""

    @overload
    def __call__(
        self, func: Callable[P, Coroutine[Any, Any, R]], /
    ) -> TaskFunction[P, Coroutine[Any, Any, R], R]:
        """Mark a coroutine function."""

    @overload
    def __call__(self, func: Callable[P, R], /) -> TaskFunction[P, R, R]:
        """Mark a plain function."""


@overload
def task(
    trigger: Callable[P, Coroutine[Any, Any, R]], /
) -> TaskFunction[P, Coroutine[Any, Any, R], R]: ...


@overload
def task(trigger: Callable[P, R], /) -> TaskFunction[P, R, R]: ...


@overload
def task(trigger: str | None = None, *, id: Any = None, **options: Any) -> Marker: ...


def task(trigger: Any = None, *, id: Any = None, **options: Any) -> Any:
    """Define a task at its function: `@rota.task("cron", hour=9)`, without a trigger a job.

    The function stays as it is, and gains `enqueue`, `aenqueue`, `enqueue_many` and
    `with_options`. Takes the options of `add_task`; the id is the function's name if none is given,
    and `crontab=`, `every=` or `rrule=` needs no trigger. May be repeated on one function, with
    different ids. Raises nothing: mistakes are reported, with all others, when the task file is
    loaded.
    """

    def mark(func: Any) -> Any:
        names, line = _home(func)
        if names is not None:
            given = None if callable(trigger) else trigger
            pending = Pending(func, given, id, options, line)
            names.setdefault(_MARKS, []).append(pending)
            equip(func, pending)
            if on_mark is not None:
                on_mark(pending, names)
        return func

    # Without parentheses the function itself arrives here.
    return cast(Marker, mark) if not callable(trigger) else mark(trigger)


def pending_in(module: ModuleType) -> list[Pending]:
    """Return what `@rota.task` marked while a module was imported, in the order of the marks."""
    return list(vars(module).get(_MARKS, ()))


def _home(func: Any) -> tuple[dict[str, Any] | None, int]:
    """Return the names of the module that a mark belongs to, and its line: the module whose import
    is under way here, the innermost one; in a program that runs, that of the function."""
    frame: FrameType | None = sys._getframe(2)
    caller = 0 if frame is None else frame.f_lineno
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    # A program is not imported, and its frame stays for as long as it runs.
    if frame is not None and frame.f_globals.get("__name__") != "__main__":
        return frame.f_globals, frame.f_lineno
    names = getattr(func, "__globals__", None)
    return (names if isinstance(names, dict) else frame.f_globals if frame else None), caller
