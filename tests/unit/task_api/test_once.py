"""`rota.once`, without an executor: what is called how often, and what is refused."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

import pytest

import rota
from rota.core.ports.executor import AttemptSpec
from rota.errors import NotRunningError, StateError
from rota.task_api.current_run import MOST_STORED, CurrentRun, close, enter
from rota.task_api.once import LONGEST_KEY, once


class Recorder:
    """A reporter that remembers steps, and may hold them up."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, Any]] = []
        self.open = threading.Event()
        self.open.set()
        self.asked = threading.Event()

    def log(self, level: str, logger: str, text: str) -> None: ...

    def progress(self, done: float, total: float | None, note: str) -> None: ...

    def checkpoint(self, value: Any) -> None: ...

    def remember(self, key: str, value: Any) -> None:
        self.asked.set()
        assert self.open.wait(90)
        self.steps.append((key, value))

    def moment(self, name: str) -> None: ...
    def upstream(self) -> Any: ...


class Effect:
    """A function that counts its calls."""

    def __init__(self, value: Any = None) -> None:
        self.calls = 0
        self.value = value

    def __call__(self) -> Any:
        self.calls += 1
        return self.value

    async def awaited(self) -> Any:
        self.calls += 1
        await asyncio.sleep(0)
        return self.value


@pytest.fixture
def reporter() -> Recorder:
    return Recorder()


def entered(reporter: Recorder, steps: Mapping[str, Any]) -> CurrentRun:
    call = AttemptSpec("R1", "tidy", 2, None, print, "", None, (), {}, None, steps, reporter)
    run = CurrentRun(call)
    enter(run)
    return run


@pytest.fixture
def run(reporter: Recorder) -> Any:
    """Call something inside of a run."""
    context = copy_context()
    context.run(entered, reporter, {"known": [1]})
    return context.run


# --- outside of a run ---------------------------------------------------------------------------


def test_outside_of_a_run_the_function_is_just_called() -> None:
    effect = Effect((1, 2))
    assert [once("k", effect), once("k", effect)] == [[1, 2], [1, 2]]
    assert asyncio.run(once("k", effect.awaited)) == [1, 2]
    assert effect.calls == 3


def test_a_step_outside_of_a_run_must_return_json_too() -> None:
    with pytest.raises(TypeError, match="what the function returned: JSON cannot hold this object"):
        once("k", object)


def test_once_passes_arguments_of_any_name() -> None:
    def give(one: int, *, key: int, fn: int) -> list[int]:
        return [one, key, fn]

    async def later(one: int, *, key: int, fn: int) -> list[int]:
        return [one, key, fn]

    assert rota.once("k", give, 1, key=2, fn=3) == [1, 2, 3]
    assert asyncio.run(rota.once("k", later, 1, key=2, fn=3)) == [1, 2, 3]


# --- inside -------------------------------------------------------------------------------------


def test_what_is_known_is_not_done_again(run: Any, reporter: Recorder) -> None:
    effect = Effect("new")
    assert run(once, "known", effect) == [1]
    assert run(asyncio.run, run(once, "known", effect.awaited)) == [1]
    assert (effect.calls, reporter.steps) == (0, [])


def test_what_was_done_is_not_done_again(run: Any, reporter: Recorder) -> None:
    effect = Effect((1, {2: "b"}))
    assert [run(once, "k", effect) for _ in range(3)] == [[1, {"2": "b"}]] * 3
    assert (effect.calls, reporter.steps) == (1, [("k", [1, {"2": "b"}])])


def test_the_value_is_what_the_ledger_will_give_back(run: Any, reporter: Recorder) -> None:
    assert run(once, "k", Effect("half \ud800, nul \x00, ß")) == "half ?, nul \x00, ß"


def test_an_exception_is_not_stored(run: Any, reporter: Recorder) -> None:
    tries = [ConnectionError("away"), None]

    def flaky() -> str:
        if (error := tries.pop(0)) is not None:
            raise error
        return "done"

    with pytest.raises(ConnectionError):
        run(once, "k", flaky)
    assert reporter.steps == []
    assert run(once, "k", flaky) == "done"


def test_a_partial_of_a_coroutine_function_is_awaited(run: Any, reporter: Recorder) -> None:
    async def add(a: int, b: int) -> int:
        return a + b

    assert run(asyncio.run, run(once, "k", partial(add, 1), 2)) == 3


def test_several_threads_do_it_once(run: Any, reporter: Recorder) -> None:
    effect, start = Effect(7), threading.Barrier(10)

    def ask() -> Any:
        start.wait(90)
        return once("k", effect)

    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(run(copy_context).run, ask) for _ in range(10)]
        assert [one.result(90) for one in asked] == [7] * 10
    assert (effect.calls, len(reporter.steps)) == (1, 1)


def test_several_coroutines_do_it_once_and_the_loop_goes_on(run: Any, reporter: Recorder) -> None:
    effect = Effect(7)
    reporter.open.clear()

    async def main() -> list[int]:
        asked = asyncio.gather(*(once("k", effect.awaited) for _ in range(10)))
        assert await asyncio.to_thread(reporter.asked.wait, 30)
        await asyncio.sleep(0)  # the loop goes on while the step is being stored
        reporter.open.set()
        return await asyncio.wait_for(asked, 30)

    assert run(asyncio.run, main()) == [7] * 10
    assert (effect.calls, len(reporter.steps)) == (1, 1)


def test_the_next_caller_retries_a_computation_that_failed(run: Any, reporter: Recorder) -> None:
    effect = Effect(7)

    async def flaky() -> int:
        await effect.awaited()
        if effect.calls == 1:
            raise ConnectionError
        return effect.calls

    async def main() -> list[Any]:
        asked = (once("k", flaky) for _ in range(3))
        return await asyncio.gather(*asked, return_exceptions=True)

    first, *others = run(asyncio.run, main())
    assert isinstance(first, ConnectionError)
    assert others == [2, 2]


def test_once_in_a_thread_of_the_task_belongs_to_the_same_run(run: Any, reporter: Recorder) -> None:
    async def main() -> Any:
        return await asyncio.to_thread(once, "known", Effect("new"))

    assert run(asyncio.run, main()) == [1]


def test_a_cancellation_does_not_forget_what_was_done(run: Any, reporter: Recorder) -> None:
    effect = Effect(7)
    reporter.open.clear()

    async def main() -> None:
        task = asyncio.create_task(once("k", effect.awaited))
        assert await asyncio.to_thread(reporter.asked.wait, 30)
        task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done()
        reporter.open.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(asyncio.run, main())
    assert reporter.steps == [("k", 7)]


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "x" * (LONGEST_KEY + 1), "nul\x00", "\ud800", 7, None])
def test_a_key_is_a_short_text(key: Any) -> None:
    effect = Effect()
    with pytest.raises(ValueError, match="1 to 200 printable characters"):
        once(key, effect)
    assert effect.calls == 0


def test_a_value_is_of_a_bounded_size(run: Any, reporter: Recorder) -> None:
    assert run(once, "k", Effect("x" * (MOST_STORED - 2)))
    with pytest.raises(ValueError, match="1,048,577 bytes as JSON, and 1,048,576 are the most"):
        run(once, "more", Effect("x" * (MOST_STORED - 1)))
    assert [key for key, _ in reporter.steps] == ["k"]


def test_a_coroutine_in_disguise_is_refused_before_it_runs(run: Any, reporter: Recorder) -> None:
    effect = Effect()
    disguised: Callable[[], Any] = lambda: effect.awaited()  # noqa: E731
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "was never awaited"
        with pytest.raises(TypeError, match="Give the `async def` itself"):
            run(once, "k", disguised)
    assert (effect.calls, reporter.steps) == (0, [])


def test_a_step_in_itself_is_refused(run: Any, reporter: Recorder) -> None:
    with pytest.raises(StateError, match="key of its own"):
        run(once, "k", lambda: once("k", Effect()))
    assert run(once, "k", lambda: once("inner", Effect(1))) == 1


def test_once_begins_no_step_after_the_attempt_was_abandoned(reporter: Recorder) -> None:
    effect, context = Effect(), copy_context()
    close(context.run(entered, reporter, {"known": 1}))
    for key in ("k", "known"):
        with pytest.raises(NotRunningError, match="nothing is stored"):
            context.run(once, key, effect)
        with pytest.raises(NotRunningError, match="nothing is stored"):
            context.run(asyncio.run, context.run(once, key, effect.awaited))
    assert (effect.calls, reporter.steps) == (0, [])


def test_what_was_done_while_it_was_given_up_is_not_stored(reporter: Recorder) -> None:
    context = copy_context()
    current = context.run(entered, reporter, {})
    with pytest.raises(NotRunningError):
        context.run(once, "k", lambda: close(current))
    assert reporter.steps == []
