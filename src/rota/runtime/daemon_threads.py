"""Running work in daemon threads, even while the interpreter shuts down."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from rota.runtime import fork_safety
from rota.runtime.engine_threads import own_thread

T = TypeVar("T")

SPARE = "spare (rota)"
"""The name of an idle thread that waits for more work."""
_KEPT = 10.0  # seconds that it waits: starting a thread takes as long as most of the work


def start_in_thread(work: Callable[[], T], name: str = "rota-work") -> Future[T]:
    """Start `work` in a daemon thread named `name` and return a future that cannot be cancelled.

    `asyncio.to_thread` does not fit: the interpreter waits for its threads at shutdown, and starts
    no new ones while `atexit` functions run. Here every call gets a thread, however many hang.
    """
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()

    def do() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    with _turn:
        thread = _spare.pop() if _spare else _Thread()
    thread.do(do, name)
    return outcome


async def run_in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a daemon thread and await its result; the event loop is not blocked."""
    import asyncio  # a worker process does not need it

    return await asyncio.wrap_future(start_in_thread(work))


class _Thread(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name=SPARE, daemon=True)
        self._given: queue.SimpleQueue[tuple[Callable[[], None], str]] = queue.SimpleQueue()

    def do(self, work: Callable[[], None], name: str) -> None:
        self._given.put((work, name))
        if not self.is_alive():
            self.start()

    def run(self) -> None:
        while self._does_one():
            with _turn:
                _spare.append(self)

    def _does_one(self) -> bool:
        """Do one piece of work; returns False if none came in time."""
        try:
            work, self.name = self._given.get(timeout=_KEPT)
        except queue.Empty:
            with _turn:
                if self in _spare:
                    _spare.remove(self)
                    return False
            work, self.name = self._given.get()  # the work was given just now
        with own_thread():
            work()
        self.name = SPARE
        return True


_turn = fork_safety.new_lock()
_spare: list[_Thread] = []


@fork_safety.in_child
def _start_anew() -> None:
    """Forget the parent's threads in a forked child, so that it starts its own."""
    _spare.clear()
