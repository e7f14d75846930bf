"""What becomes of a child when somebody forks this process: `os.register_at_fork`, in one place.

A child has one thread. Locks that other threads held stay locked in it, and connections and
descriptors are still its parent's. So a child uses nothing of its parent's: whoever holds such a
thing says with `in_child` what to do without it.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn
from weakref import WeakSet

PATIENCE = 10.0
"""Seconds that a fork waits for what it must not cut in two."""

_reactions: list[Callable[[], None]] = []
_locks: WeakSet[threading.Lock] = WeakSet()
_left: list[object] = []


def in_child(react: Callable[[], None]) -> Callable[[], None]:
    """Have a function called in every child, as a decorator; what was registered last goes first,
    for it builds on the others."""
    _reactions.append(react)
    return react


def new_lock() -> threading.Lock:
    """Return a lock that is free in every child, for what is there as long as the process."""
    lock = threading.Lock()
    _locks.add(lock)
    return lock


def leave(one: object) -> None:
    """Keep in a child what is its parent's, so that nothing closes it for good."""
    _left.append(one)


class _ForkGate:
    """Holds up a fork while somebody is inside, and who comes meanwhile until it is over."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._inside = 0
        self._forks = 0
        self.was_empty = True  # at the last fork

    @contextmanager
    def inside(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._forks)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._forks += 1
            self.was_empty = self._changed.wait_for(lambda: not self._inside, PATIENCE)

    def open(self) -> None:
        with self._changed:
            self._forks -= 1
            self._changed.notify_all()

    def renew(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._inside = self._forks = 0


_gate = _ForkGate()


@contextmanager
def undivided() -> Iterator[None]:
    """Have no fork happen within: a C library may hold locks there which a child never gets."""
    with _gate.inside():
        yield


def was_undivided() -> bool:
    """Say whether the last fork could wait until nobody was within `undivided`."""
    return _gate.was_empty


def end_if_child(of: int, error: BaseException | None = None) -> None:
    """End this process at once where it is not `of`: user code that was called in process `of`
    forked, and its child has returned to us, or raised `error`, instead of ending."""
    if os.getpid() != of:
        _end(error)


def _end(error: BaseException | None) -> NoReturn:
    status = 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)  # noqa: T201  # as the interpreter itself does
    elif error is not None:
        status = 1
        traceback.print_exception(error)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, broken or none
            stream.flush()
    os._exit(status)


def _forked() -> None:
    _gate.renew()
    for lock in _locks:
        lock._at_fork_reinit()  # type: ignore[attr-defined]  # as logging does with its own
    for react in reversed(_reactions):
        react()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_gate.close, after_in_parent=_gate.open, after_in_child=_forked)
