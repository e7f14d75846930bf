"""Enqueueing a task at its function: `send_mail.enqueue("a@example.org")`."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import Any, Generic, Literal, ParamSpec, Protocol, TypeVar

from rota.errors import ArgumentError
from rota.runtime.daemon_threads import run_in_thread
from rota.task_api.handles import RunHandle

P = ParamSpec("P")
C_co = TypeVar("C_co", covariant=True)
R = TypeVar("R")

OnConflict = Literal["return", "replace", "error"]
Arguments = tuple[Sequence[Any], Mapping[str, Any]]

ENQUEUE = "enqueue"
"""The attribute by which a function is known as a task."""


class Mark(Protocol):
    """A definition at its function, as far as enqueueing needs it."""

    @property
    def func(self) -> Any:
        """Return the function."""

    @property
    def id(self) -> Any:
        """Return the id as it was written, None if it was not."""


class TaskEnqueuer(Protocol):
    """The task manager, as far as enqueueing needs it."""

    def enqueue_marked(
        self,
        marks: Sequence[Any],
        calls: Sequence[Arguments],
        options: Mapping[str, Any],
        *,
        many: bool,
    ) -> list[RunHandle[Any]]:
        """Enqueue a run for each call of a function with these marks."""

    async def aenqueue_marked(
        self,
        marks: Sequence[Any],
        calls: Sequence[Arguments],
        options: Mapping[str, Any],
        *,
        many: bool,
    ) -> list[RunHandle[Any]]:
        """Do the same without blocking the event loop."""


find_enqueuer: Callable[[Sequence[Any]], TaskEnqueuer] | None = None
"""Returns the task manager that has one of these marks; set by the module that defines task
managers.
"""


class Enqueuer(Generic[P, R]):
    """Enqueues runs of one task with options of their own."""

    def __init__(self, marks: tuple[Mark, ...], options: Mapping[str, Any]) -> None:
        self._marks = marks
        self._options = options

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> RunHandle[R]:
        """Enqueue a run with these arguments; it is durable when this returns.

        The arguments are checked by the function's annotations now. Raises ArgumentError for what
        it does not take or JSON cannot hold, StateError for a key that is taken with
        `on_conflict="error"`, and LedgerError.
        """
        return self._enqueue([(args, kwargs)])[0]

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> RunHandle[R]:
        """Enqueue a run as `enqueue` does, while the event loop runs on."""
        enqueuer, calls = _enqueuer(self._marks), [(args, kwargs)]
        return (await enqueuer.aenqueue_marked(self._marks, calls, self._options, many=False))[0]

    def enqueue_many(
        self, calls: Iterable[Mapping[str, Any] | tuple[Any, ...]]
    ) -> list[RunHandle[R]]:
        """Enqueue a run for each of the calls, all in one commit or none.

        A call is a mapping of keyword arguments, or a tuple of positional ones. Raises as `enqueue`
        does, with the number of each call that is wrong.
        """
        return self._enqueue([_call(one, number) for number, one in enumerate(calls)], many=True)

    def with_options(
        self,
        *,
        run_at: datetime | None = None,
        delay: float | None = None,
        key: str | None = None,
        on_conflict: OnConflict | None = None,
        priority: int | None = None,
        queue: str | None = None,
        max_retries: int | None = None,
        timeout: float | None = None,
        tags: Iterable[str] | None = None,
        connection: Any = None,
        on_commit: Callable[[Callable[[], Any]], Any] | None = None,
    ) -> Enqueuer[P, R]:
        """Return an object that enqueues runs with these options in place of the task's; None: not
        given.

        `run_at` is when a run may start (without a zone: in the task's), `delay` the same in
        seconds from now. `key` names what must be done once: see `TaskManager.enqueue`.
        """
        given = {
            "run_at": run_at,
            "delay": delay,
            "key": key,
            "on_conflict": on_conflict,
            "priority": priority,
            "queue": queue,
            "max_retries": max_retries,
            "timeout": timeout,
            "tags": tags,
            "connection": connection,
            "on_commit": on_commit,
        }
        laid = {name: value for name, value in given.items() if value is not None}
        return Enqueuer(self._marks, {**self._options, **laid})

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Return every definition that is written at the function."""
        return self._marks

    def _enqueue(self, calls: Sequence[Arguments], *, many: bool = False) -> list[RunHandle[Any]]:
        return _enqueuer(self._marks).enqueue_marked(self._marks, calls, self._options, many=many)


class TaskFunction(Protocol[P, C_co, R]):
    """A function that `@rota.task` marked: called like before, and enqueued."""

    __name__: str
    __qualname__: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> C_co:
        """Call the function here and now; nothing is recorded."""

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> RunHandle[R]:
        """See `Enqueuer.enqueue`."""

    def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, RunHandle[R]]:
        """See `Enqueuer.aenqueue`."""

    def enqueue_many(
        self, calls: Iterable[Mapping[str, Any] | tuple[Any, ...]]
    ) -> list[RunHandle[R]]:
        """See `Enqueuer.enqueue_many`."""

    def with_options(
        self,
        *,
        run_at: datetime | None = None,
        delay: float | None = None,
        key: str | None = None,
        on_conflict: OnConflict | None = None,
        priority: int | None = None,
        queue: str | None = None,
        max_retries: int | None = None,
        timeout: float | None = None,
        tags: Iterable[str] | None = None,
        connection: Any = None,
        on_commit: Callable[[Callable[[], Any]], Any] | None = None,
    ) -> Enqueuer[P, R]:
        """See `Enqueuer.with_options`."""


def equip(func: Any, mark: Mark) -> None:
    """Give a function its `enqueue` and the like; what takes no attributes is left as it is."""
    try:
        marks = [one for one in marks_of(func) if id_of(one) != id_of(mark)]
        enqueuer: Enqueuer[Any, Any] = Enqueuer((*marks, mark), {})
        for name in (ENQUEUE, "aenqueue", "enqueue_many", "with_options"):
            setattr(func, name, getattr(enqueuer, name))
    except Exception:  # a built-in, a bound method, a class with slots
        return


def marks_of(func: Any) -> tuple[Any, ...]:
    """Return the definitions that are written at a function; none if it is not marked."""
    enqueuer = getattr(getattr(func, ENQUEUE, None), "__self__", None)
    return enqueuer.marks if isinstance(enqueuer, Enqueuer) else ()


def id_of(mark: Mark) -> Any:
    """Return the id of a definition: the function's name if none is written."""
    return getattr(mark.func, "__name__", None) if mark.id is None else mark.id


async def in_thread(work: Callable[[], Any]) -> Any:
    """Do `work` in a thread, in the caller's context, and wait for it."""
    context = contextvars.copy_context()
    return await run_in_thread(lambda: context.run(work))


def _enqueuer(marks: Sequence[Mark]) -> TaskEnqueuer:
    if find_enqueuer is None:
        import_module("rota.manager.process")  # it sets `find_enqueuer`
    assert find_enqueuer is not None
    return find_enqueuer(marks)


def _call(one: Any, number: int) -> Arguments:
    if isinstance(one, Mapping):
        return (), one
    if isinstance(one, tuple):
        return one, {}
    raise ArgumentError(
        f"call {number} is of type {type(one).__name__}.",
        where=f"calls[{number}]",
        remedy="Write a tuple of its arguments, like (7,), or a mapping of names to values.",
    )
