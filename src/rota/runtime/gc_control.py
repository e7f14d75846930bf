"""Keeping Python's garbage collector away from permanent objects: modules and their contents.

Collecting garbage among hundreds of modules takes a quarter of the time of loading them. Scanning
them again later stops the whole process for 60 ms every few seconds, and delays every run that
falls due in that time.
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
    """Disable garbage collection during the block, in all threads.

    In rota's own process, later collections also skip everything that was loaded by its end.
    """
    _begin()
    try:
        yield
    finally:
        _end()


def own_process() -> None:
    """Declare that this process is rota's own, a command: we know which of its objects stay."""
    global _ours
    _ours = True


def spare(asked: bool = False) -> None:
    """Exclude all present objects from garbage collection, once (`gc.freeze`).

    This happens only in rota's own process, or if the owner of the process `asked` for it: in an
    application's process we do not know which objects stay.
    """
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
