"""Keeping forked children safe: the only use of `os.register_at_fork`.

A child has one thread. Locks that other threads held stay locked in it, and connections and
descriptors still belong to its parent. So a child must not use them: each module that holds such
an object registers with `in_child` how to replace it.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import NoReturn
from weakref import WeakSet

PATIENCE = 10.0
"""The most seconds that a fork waits for `undivided` blocks to end."""

_reactions: list[Callable[[], None]] = []
_locks: WeakSet[threading.Lock] = WeakSet()
_left: list[object] = []


def in_child(react: Callable[[], None]) -> Callable[[], None]:
    """Register a function to be called in every forked child; a decorator.

    Functions are called in reverse order of registration, since later ones build on earlier ones.
    """
    _reactions.append(react)
    return react


def new_lock() -> threading.Lock:
    """Return a lock that is unlocked in every forked child, for objects that live as long as the
    process."""
    lock = threading.Lock()
    _locks.add(lock)
    return lock


def keep_in_child(one: object) -> None:
    """Keep an object of the parent alive in a child, so that its destructor does not close it."""
    _left.append(one)


class _ForkGate:
    """A gate that delays a fork while threads are inside, and threads while a fork runs."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._inside = 0
        self._forks = 0
        self.was_empty = True  # at the last fork

    def __enter__(self) -> None:
        with self._changed:
            while self._forks:
                self._changed.wait()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._inside -= 1
            if self._forks:
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


def undivided() -> AbstractContextManager[None]:
    """Delay forks during the block: a C library may hold locks in it that a child never gets."""
    return _gate


def was_undivided() -> bool:
    """Return whether no thread was within `undivided` at the last fork."""
    return _gate.was_empty


def end_if_child(of: int, error: BaseException | None = None) -> None:
    """Exit this process at once if its id is not `of`.

    User code that was called in process `of` has forked, and its child returned to us, or raised
    `error`, instead of exiting.
    """
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
        lock._at_fork_reinit()  # type: ignore[attr-defined]  # as logging does with its own locks
    for react in reversed(_reactions):
        react()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_gate.close, after_in_parent=_gate.open, after_in_child=_forked)
