"""The service loop begins, runs its loops until it is stopped, and starts again what ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from rota.diagnosis.vitals import of_loop
from rota.engine import event_loop as module
from rota.engine.event_loop import EngineLoop, ServiceLoop
from rota.engine.wake import Wake
from rota.errors import StateError
from rota.testing import eventually


class Counter:
    """A loop that counts how often it was woken, and fails for as long as it is told to."""

    def __init__(self) -> None:
        self.wake = Wake()
        self.turns = 0
        self.error: Exception | None = None

    async def run(self) -> None:
        while True:
            await self.wake.wait()
            if self.error is not None:
                raise self.error
            self.turns += 1


class WaitFacts:
    """A service loop, and what became of it."""

    def __init__(self) -> None:
        self.counter = Counter()
        self.said: list[str] = []
        self.end_now = threading.Event()
        self.failure: Exception | None = None
        self.loop = ServiceLoop(
            begin=self.begin, loops=self.loops, end=self.end, end_now=self.end_now, tidy=self.tidy
        )

    async def begin(self) -> None:
        self.said.append("begin")
        if self.failure is not None:
            raise self.failure

    def loops(self) -> list[EngineLoop]:
        return [self.counter]

    async def end(self, grace: float) -> bool:
        while grace > 1 and not self.end_now.is_set():  # noqa: ASYNC110  # set by another thread
            await asyncio.sleep(0.001)
        self.said.append(f"end {grace:g}")
        return grace > 0

    def tidy(self) -> None:
        self.said.append("tidy")


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[WaitFacts]:
    """A service loop that is ended after the test."""
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    scene = WaitFacts()
    yield scene
    scene.loop.stop(0)


def woken(scene: WaitFacts) -> Callable[[], bool]:
    before = scene.counter.turns
    scene.counter.wake.set()
    return lambda: scene.counter.turns > before


def test_the_event_loop_begins_runs_and_ends_in_order_twice(scene: WaitFacts) -> None:
    for grace in (1, 0):
        scene.loop.start()
        assert scene.loop.is_up
        eventually(woken(scene))
        assert scene.loop.stop(grace) is (grace > 0)
        assert not scene.loop.is_up
    assert scene.said == ["begin", "end 1", "tidy", "begin", "end 0", "tidy"]
    assert scene.loop.stop(0)


def test_a_loop_that_ends_is_started_again_and_named(scene: WaitFacts) -> None:
    scene.loop.start()
    eventually(woken(scene))
    [turning] = scene.loop.turnings
    scene.counter.error = RuntimeError("a bad row")
    scene.counter.wake.set()
    trouble = eventually(lambda: of_loop(turning.look()))
    assert trouble is not None
    assert trouble.text.startswith("the counter loop ended and is started again")
    assert "RuntimeError: a bad row" in trouble.text
    scene.counter.error = None
    eventually(woken(scene))
    eventually(lambda: of_loop(turning.look()) is None)


def test_a_wake_from_before_the_start_is_kept(scene: WaitFacts) -> None:
    scene.counter.wake.set()
    scene.loop.start()
    eventually(lambda: scene.counter.turns == 1)


def test_what_the_beginning_raises_is_raised_and_it_is_still_to_be_stopped(
    scene: WaitFacts,
) -> None:
    scene.failure = RuntimeError("no ledger")
    with pytest.raises(RuntimeError, match="no ledger"):
        scene.loop.start()
    scene.loop.stop(0)
    assert scene.said == ["begin", "end 0", "tidy"]


def test_a_call_runs_on_the_loop_while_there_is_one(scene: WaitFacts) -> None:
    async def name() -> str:
        return threading.current_thread().name

    with pytest.raises(StateError):
        scene.loop.call(name)
    scene.loop.start()
    assert scene.loop.call(name) == "rota-service"


def test_a_second_stop_means_now(scene: WaitFacts) -> None:
    scene.loop.start()
    first = threading.Thread(target=scene.loop.stop, args=(3_600,))
    first.start()
    eventually(lambda: scene.loop._grace)
    assert scene.loop.stop(0)
    first.join()
    assert "end 3600" in scene.said


async def nothing() -> None:
    pass


async def wait_without_end() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("moment", "function"),
    [("close", nothing), ("shutdown_default_executor", wait_without_end)],
    ids=["never begun", "begun and not ended"],
)
def test_a_call_that_the_closing_loop_does_not_end_is_refused(
    moment: str,
    function: Callable[[], Coroutine[Any, Any, None]],
    scene: WaitFacts,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers: list[object] = []

    def call() -> None:
        try:
            answers.append(scene.loop.call(function))
        except StateError as error:
            answers.append(error)

    scene.loop.start()
    loop = scene.loop._loop
    assert isinstance(loop, asyncio.BaseEventLoop)
    last_step, take, taken = getattr(loop, moment), loop.call_soon_threadsafe, threading.Event()
    caller = threading.Thread(target=call)

    def call_before_the_last_step(*given: Any) -> Any:
        caller.start()
        assert taken.wait(30)
        return last_step(*given)

    def take_and_say_so(*given: Any, **others: Any) -> asyncio.Handle:
        handle = take(*given, **others)
        if threading.current_thread() is caller:
            taken.set()
        return handle

    monkeypatch.setattr(loop, moment, call_before_the_last_step)
    monkeypatch.setattr(loop, "call_soon_threadsafe", take_and_say_so)
    scene.loop.stop(0)
    caller.join(30)
    for task in asyncio.all_tasks(loop):  # else it is reported when it is collected
        setattr(task, "_log_destroy_pending", False)  # noqa: B010
    [answer] = answers
    assert isinstance(answer, StateError)
    assert "exception calling callback" not in caplog.text
