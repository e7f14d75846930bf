"""Work beside an event loop, also while the interpreter ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def aside(work: Callable[[], T], name: str = "rota-aside") -> Future[T]:
    """Start `work` in a daemon thread of its own and return its outcome to come, which nobody can
    cancel.

    Not by `asyncio.to_thread`: the interpreter waits for those threads at its end, and starts none
    any more while `atexit` functions run.
    """
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()

    def do() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=do, name=name, daemon=True).start()
    return outcome


async def beside(work: Callable[[], T]) -> T:
    """Do `work` aside and wait for it, while the loop goes on."""
    import asyncio  # a worker process does without

    return await asyncio.wrap_future(aside(work))
