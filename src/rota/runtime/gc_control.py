"""Python's garbage collector, kept away from what stays: modules, and what is made once of them.

Looking for garbage among hundreds of modules takes a quarter of the time in which they are loaded;
looking through them again later stops the whole process for 60 ms every few seconds, and makes
whatever falls due meanwhile as late.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from rota.runtime import fork_safety

_turn = fork_safety.new_lock()
_ours = False
_spared = False
_loading = 0
_was_enabled = False


@contextmanager
def loading() -> Iterator[None]:
    """Look for no garbage meanwhile, in no thread, and, in a process of rota's own, later not among
    what is loaded by then."""
    _begin()
    try:
        yield
    finally:
        _end()


def own_process() -> None:
    """Say that this process is rota's own, a command: what stays in it is known."""
    global _ours
    _ours = True


def spare(asked: bool = False) -> None:
    """Have nothing that is there looked at again, once: in a process of rota's own, or where its
    owner asked for it. In somebody else's it is not for us to say what stays."""
    global _spared
    if (_ours or asked) and not _spared:
        _spared = True
        gc.freeze()


def _begin() -> None:
    global _loading, _was_enabled
    with _turn:
        if not _loading:
            _was_enabled = gc.isenabled()
            gc.disable()
        _loading += 1


def _end() -> None:
    global _loading
    with _turn:
        _loading -= 1
        if not _loading:
            if _ours:
                gc.freeze()
            if _was_enabled:
                gc.enable()
