"""The event loop of one node, in a thread of its own: begun once, and ended once."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar

from rota.diagnosis import thresholds
from rota.engine.health.turning import Turning
from rota.engine.wake import Wake
from rota.errors import StateError
from rota.executors import stack_location
from rota.runtime.cadence import BEAT
from rota.runtime.engine_threads import own_thread
from rota.runtime.log_queue import queued

T = TypeVar("T")


logger = queued("rota.node")

_BEFORE_A_WORD = re.compile(r"(?<!^)(?=[A-Z])")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds until an ended loop is started again: doubled each time, up to a limit."""

TIDYING = 0.3
"""Seconds for what hangs at the very end; nothing waits longer for it."""


class EngineLoop(Protocol):
    """A part of the node that works until it is cancelled; with a `wake`, if it waits for one."""

    async def run(self) -> None:
        """Work until cancelled; if anything else ends it, it is started again."""


class ServiceLoop:
    """The event loop of a node: it begins, works until it is asked to stop, and ends; safe from any
    thread.
    """

    def __init__(
        self,
        *,
        begin: Callable[[], Coroutine[Any, Any, None]],
        loops: Callable[[], Sequence[EngineLoop]],
        end: Callable[[float], Awaitable[bool]],
        end_now: threading.Event,
        tidy: Callable[[], None],
    ) -> None:
        """Begin with `begin` and run all of `loops`. Then `end` within a grace in seconds, or now
        once `end_now` is set, and at last `tidy` up in the thread that stops it.
        """
        self._begin, self._loops, self._end, self._tidy = begin, loops, end, tidy
        self._end_now = end_now
        self._wakes: list[Wake] = []  # of the loops that run
        self.turnings: list[Turning] = []
        self._alive: float | None = None  # monotonic seconds, of the last turn of the loop
        self._ending = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._grace: float | None = None  # in seconds, once it was asked to stop
        self._stop_requested = Wake()  # to stop
        self._over = threading.Event()  # nothing happens on the loop any more
        self._stopped = threading.Event()
        self._stopped.set()
        self._clean = True
        self._calls: set[Future[Any]] = set()  # that have not returned

    @property
    def is_up(self) -> bool:
        """Return whether it was started and not stopped."""
        return self._thread is not None

    @property
    def takes_calls(self) -> bool:
        """Return whether there is a loop, which may just be beginning or ending."""
        return self._loop is not None

    def silent(self) -> tuple[float, str] | None:
        """Return for how long the loop as a whole has not turned, and its position in the code;
        None if it turns.
        """
        alive, thread = self._alive, self._thread
        since = 0.0 if alive is None else time.monotonic() - alive
        if since < thresholds.ENGINE_STANDS or thread is None:
            return None
        return since, stack_location.of_thread(thread.ident)

    def call(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Call a function on the loop and return its result; raises StateError if it is not
        running.
        """
        loop = self._loop
        if loop is None:
            raise _not_running()
        coroutine = function()
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError:  # the loop was closed meanwhile
            coroutine.close()
            raise _not_running() from None
        self._calls.add(future)
        if loop.is_closed():  # perhaps before it came to this call
            _refuse(future)
        try:
            return future.result()
        except CancelledError:  # the loop ended before the call did
            raise _not_running() from None
        finally:
            self._calls.discard(future)
            if loop.is_closed():
                coroutine.close()  # else it warns that it was never awaited

    def start(self) -> None:
        """Begin, and return when that is done. Raises what `begin` raises; or StateError if it was
        stopped meanwhile, and it must then still be stopped.
        """
        self._stop_requested = Wake()
        for event in (self._end_now, self._over, self._stopped):
            event.clear()
        self._clean = True
        ready: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._serve, args=(ready,), name="rota-service", daemon=True
        )
        self._thread.start()
        ready.result()

    def stop(self, grace: float) -> bool:
        """End, and return whether that went as it should. A second call while the first waits means
        now, and waits for it.
        """
        thread = self._thread
        if thread is None:
            return True
        if self._grace is not None:
            self._end_now.set()
            self._stopped.wait()
            return self._clean
        self._grace = grace
        self._stop_requested.set()
        self._over.wait()
        thread.join(TIDYING)
        self._tidy()
        self._thread = self._loop = self._grace = None
        self._stopped.set()
        return self._clean

    def _serve(self, ready: Future[None]) -> None:
        try:
            with own_thread():
                asyncio.run(self._main(ready))
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            logger.exception("The engine's own loop ended")
        finally:
            for call in self._calls.copy():  # a loop that is closed never comes to them
                _refuse(call)
            self._over.set()

    async def _main(self, ready: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            await self._live(ready)
        finally:
            self._ending = True  # else the loops would be restarted when they are cancelled

    async def _live(self, ready: Future[None]) -> None:
        self._stop_requested.bind(asyncio.get_running_loop())
        stop_requested, begun = (
            asyncio.create_task(self._stop_requested.wait()),
            asyncio.create_task(self._begin()),
        )
        await asyncio.wait({stop_requested, begun}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        [error] = await asyncio.gather(begun, return_exceptions=True)
        works: list[asyncio.Task[None]] = []
        if error is None:
            works = self._started()
            ready.set_result(None)
            await stop_requested
        self._clean = await self._end(self._grace or 0.0)
        self._ending = True
        for task in (stop_requested, *works):
            task.cancel()
        await asyncio.gather(stop_requested, *works, return_exceptions=True)
        self._over.set()
        if error is not None:
            ready.set_exception(_interrupted() if begun.cancelled() else error)

    def _started(self) -> list[asyncio.Task[None]]:
        self._ending = False
        self._sign_of_life()
        works = []
        self.turnings, self._wakes = [], []
        for part in self._loops():
            name = _BEFORE_A_WORD.sub("_", type(part).__name__).lower()
            wake: Wake | None = getattr(part, "wake", None)
            if wake is not None:
                wake.bind(asyncio.get_running_loop())
                self._wakes.append(wake)
            turning = Turning(name, pending_since=partial(_pending_since, wake))
            self.turnings.append(turning)
            works.append(
                asyncio.create_task(self._keep_running(part, turning), name=f"rota {name}")
            )
        return works

    async def _keep_running(self, part: EngineLoop, turning: Turning) -> None:
        """Restart a loop whatever ended it: one bad row must not stop all."""
        while not self._is_ending():
            try:
                turning.begin()
                await part.run()
                error: BaseException = StateError("it returned.")
            except BaseException as raised:
                error = raised
            if self._is_ending():
                return
            turning.failed(_words(error))
            logger.error("The %s loop ended and is started again", turning.name, exc_info=error)
            del error
            await self._pause(min(FIRST_PAUSE * 2 ** (turning.failures - 1), LONGEST_PAUSE))
            for wake in self._wakes:  # the work it was woken for may be left undone
                wake.set()

    def _is_ending(self) -> bool:
        return self._ending

    async def _pause(self, seconds: float) -> None:
        """Wait, even if user code cancels the wait, which only this loop's own end may do."""
        until = time.monotonic() + seconds
        while not self._ending and (left := until - time.monotonic()) > 0:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(left)

    def _sign_of_life(self) -> None:
        self._alive = None if self._ending else time.monotonic()
        if not self._ending:
            asyncio.get_running_loop().call_later(BEAT, self._sign_of_life)


def _pending_since(wake: Wake | None) -> float | None:
    return None if wake is None else wake.pending_since


def _words(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:  # of a class that is not rota's
        text = "(it cannot be shown)"
    return f"{type(error).__name__}{f': {text}' if text else ''}"


def _refuse(call: Future[Any]) -> None:
    """Let a call raise, unless it has returned. To cancel it would ask the closed loop for that."""
    with suppress(InvalidStateError):
        call.set_exception(_not_running())


def _not_running() -> StateError:
    return StateError("the engine is not running.", remedy="Start it first.")


def _interrupted() -> StateError:
    return StateError("the engine was stopped while it started.", remedy="Start it again.")
