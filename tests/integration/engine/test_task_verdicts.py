"""What a task decides about its own run, and asks about it, from its code to the record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import rota
from rota.core.reasons import ReasonCode
from rota.core.run import Run, State
from rota.errors import DefinitionError
from rota.testing import Harness, eventually


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Harness]:
    with Harness(tmp_path) as rig:
        yield rig


def waiting(rig: Harness, run_id: str, attempt: int = 1) -> Run:
    """Wait until a run waits for its retry after an attempt."""

    def look() -> list[Run]:
        run = rig.manager.get_run(run_id)
        return [run] if run.state is State.SCHEDULED and run.attempt == attempt else []

    return eventually(look)[0]


@pytest.mark.parametrize("executor", ["async", "thread"])
def test_a_task_that_has_nothing_to_do_skips_its_run(rig: Harness, executor: str) -> None:
    async def skips() -> None:
        raise rota.Skip("no new orders")

    def skips_too() -> None:
        raise rota.Skip("no new orders")

    func: Any = skips if executor == "async" else skips_too
    rig.manager.add_task(func, "interval", "t", seconds=10)
    rig.advance(10)
    (run,) = rig.ended("t")
    assert (run.state, run.reason, run.reason_code) == (
        State.SKIPPED,
        "no new orders",
        ReasonCode.TASK,
    )
    assert [one.outcome for one in rig.manager.history.attempts(run.id)] == ["succeeded"]
    assert rig.manager.verify() == []


def test_a_task_that_gives_up_is_not_retried(rig: Harness) -> None:
    async def gives_up() -> None:
        raise rota.Fail("the order was deleted")

    rig.manager.add_task(gives_up, "interval", "t", seconds=10, max_retries=5)
    rig.advance(10)
    (run,) = rig.ended("t")
    assert (run.state, run.reason, run.attempt) == (State.FAILED, "the order was deleted", 1)
    assert run.reason_code is ReasonCode.TASK_FAILED


def test_a_free_retry_takes_none_of_the_retries(rig: Harness) -> None:
    async def polls() -> str:
        if rota.current_run().attempt < 4:
            raise rota.Retry(after=60, reason="not ready", free=True)
        return "ready"

    rig.manager.add_task(polls, None, "t", max_retries=0)
    run_id = rig.manager.run_task("t")
    for number in (1, 2, 3):
        run = waiting(rig, run_id, number)
        assert run.reason == f"free retry {number} of 100 after not ready"
        assert run.available_at == rig.clock.now() + 60_000_000
        rig.advance(60)
    (run,) = rig.ended("t")
    assert (run.state, run.result, run.failures, run.attempt) == (State.SUCCEEDED, "ready", 0, 4)


def test_attempts_end_when_their_total_time_is_up(rig: Harness) -> None:
    async def fails() -> None:
        raise ValueError("no")

    rig.manager.add_task(fails, None, "t", max_retries=9, retry_delay=[40], total_timeout=100)
    run_id = rig.manager.run_task("t")
    for attempt in (1, 2):
        waiting(rig, run_id, attempt)
        rig.advance(40)
    (run,) = rig.ended("t")
    assert (run.state, run.reason_code, run.attempt) == (
        State.FAILED,
        ReasonCode.TOTAL_TIMEOUT,
        3,
    )


def test_a_run_that_waited_past_its_total_time_is_not_attempted_again(rig: Harness) -> None:
    seen: list[int] = []

    async def fails() -> None:
        seen.append(1)
        raise ValueError("no")

    rig.manager.add_task(fails, None, "t", retry_delay=[40], total_timeout=100)
    run_id = rig.manager.run_task("t")
    waiting(rig, run_id)
    rig.advance(1_000)
    (run,) = rig.ended("t")
    assert (run.state, run.reason_code, seen) == (State.FAILED, ReasonCode.TOTAL_TIMEOUT, [1])


def test_a_function_gives_the_delay_of_each_retry(rig: Harness) -> None:
    def delay(retry: int) -> float:
        return 10.0 * retry

    async def fails() -> None:
        raise ValueError("no")

    rig.manager.add_task(fails, None, "t", max_retries=2, retry_delay=delay)
    run_id = rig.manager.run_task("t")
    assert waiting(rig, run_id).available_at == rig.clock.now() + 10_000_000
    rig.advance(10)
    second = waiting(rig, run_id, 2)
    assert second.available_at == rig.clock.now() + 20_000_000


def broken(retry: int) -> float:
    return [1.0, 2.0][retry - 1]


@pytest.mark.parametrize(
    ("delay", "why"),
    [
        (broken, "raises IndexError for retry 3"),
        (lambda retry: -1, "returns -1 for retry 1"),
        (lambda retry: "soon", "returns 'soon' for retry 1"),
        ([], "has 0 delays"),
        ([1, "2"], "is not a number of seconds"),
        ([1] * 101, "has 101 delays"),
    ],
)
def test_delays_that_cannot_be_are_refused_when_the_task_is_defined(
    rig: Harness, delay: Any, why: str
) -> None:
    with pytest.raises(DefinitionError, match="retry_delay") as refused:
        rig.manager.add_task(print, None, "t", max_retries=3, retry_delay=delay)
    assert why in str(refused.value)


@pytest.mark.parametrize("after", ["5", True, -1, float("nan"), 1e10])
def test_a_retry_after_an_impossible_time_is_an_error_in_the_task(after: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="Retry"):
        rota.Retry(after=after)


def test_a_run_knows_the_times_around_it(rig: Harness) -> None:
    seen: list[tuple[Any, ...]] = []

    async def looks() -> None:
        run = rota.current_run()
        seen.append((run.fire_time, run.previous_fire_time, run.next_fire_time, run.last_success))

    rig.manager.add_task(looks, "interval", "t", minutes=10)
    for count in (1, 2):
        rig.advance(600)
        rig.ended("t", count)
    (first, _, second, none), (_, before, third, success) = seen
    step = timedelta(minutes=10)
    assert (second, third, none) == (first + step, first + 2 * step, None)
    assert (before, success) == (first, first)
    rig.manager.run_task("t")
    rig.ended("t", 3)
    fire_time, before, following, success = seen[-1]
    assert (fire_time, before, following, success) == (None, first + step, third, first + step)
