"""Steps of a run that are done once, whatever happens to its attempts: `rota.once`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable, iscoroutine, iscoroutinefunction
from typing import Any, ParamSpec, TypeVar

from rota.runtime.daemon_threads import start_in_thread
from rota.task_api.current_run import (
    CurrentRun,
    check_in_progress,
    remember,
    running,
    step_locks_of,
    steps_of,
    storable,
)

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_KEY = 200


def once(key: str, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `fn` and remember what it returns under `key`, so that no other attempt of this run does
    it again: from then on the same key gives the stored value.

    With an `async def`, await what this returns. The value is durable before it is returned, as
    JSON gives it back (a tuple as a list). An exception is passed on and nothing is stored. If
    several callers ask for a key at the same time, one calls and the others wait. Outside of a run,
    the function is just called. Side effects happen at least once: a crash between the side effect
    and the storing of the value repeats it.

    Raises TypeError for what JSON cannot hold, ValueError for a bad key or more than 1 MiB,
    StateError if a step would wait for itself, NotRunningError after the attempt was given up,
    LedgerError if the value could not be stored.
    """
    if not isinstance(key, str) or not key.isprintable() or not 0 < len(key) <= LONGEST_KEY:
        raise ValueError(
            f"once({key!r}, …): the key must be a text of 1 to {LONGEST_KEY} printable characters."
        )
    do: Callable[..., Any] = _once_awaited if iscoroutinefunction(fn) else _once
    value: T = do(running(), key, partial(fn, *args, **kwargs))  # of an `async def`: a coroutine
    return value


def _once(run: CurrentRun | None, key: str, call: Callable[[], Any]) -> Any:
    if run is None:
        return _fit(key, call())
    with step_locks_of(run).of_thread(key):
        check_in_progress(run)
        if key not in steps_of(run):
            remember(run, key, _fit(key, call()))
        return steps_of(run)[key]


async def _once_awaited(
    run: CurrentRun | None, key: str, call: Callable[[], Awaitable[Any]]
) -> Any:
    if run is None:
        return _fit(key, await call())
    async with step_locks_of(run).of_coroutine(key):
        check_in_progress(run)
        if key not in steps_of(run):
            await _run_in_thread(partial(remember, run, key, _fit(key, await call())))
        return steps_of(run)[key]


def _fit(key: str, value: Any) -> Any:
    """Return what can be stored of what a step returned; raises TypeError, ValueError."""
    if isawaitable(value):
        if iscoroutine(value):
            value.close()  # nothing of it has run, and nothing warns of that
        raise TypeError(
            f"once({key!r}, …): the function is no `async def`, but returned something to await."
            " Give the `async def` itself, and its arguments after it."
        )
    return storable(value, f"once({key!r}, …), what the function returned")


async def _run_in_thread(store: Callable[[], None]) -> None:
    """Store in a thread, so that the loop continues meanwhile. Not even a cancellation interrupts
    it: what was done must not be forgotten.
    """
    import asyncio  # only when it is needed, see `executors.awaitables`

    stored = start_in_thread(store, "rota-step")
    try:
        await asyncio.wrap_future(stored)
    except asyncio.CancelledError:
        await asyncio.wrap_future(stored)
        raise
