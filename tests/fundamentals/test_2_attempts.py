"""A run is attempted until it succeeds, or its retries are used up."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path

import rota
from rota.core.run import State
from rota.testing import Harness, eventually


def test_an_attempt_that_fails_is_followed_by_another(tmp_path: Path) -> None:
    def unsteady() -> str:
        if rota.current_run().attempt == 1:
            raise ConnectionError("the line is busy")
        return "connected"

    with Harness(tmp_path) as harness:
        harness.manager.add_task(unsteady, "cron", "unsteady", minute="*", retry_delay=10)
        harness.advance(60)
        eventually(lambda: [run.state for run in harness.runs()] == [State.SCHEDULED])
        harness.advance(20)
        [run] = harness.ended("unsteady")
        attempts = harness.manager.history.attempts(run.id)
    assert (run.state, run.result) == (State.SUCCEEDED, "connected")
    assert [attempt.outcome for attempt in attempts] == ["failed", "succeeded"]
    assert "the line is busy" in str(attempts[0].error)


def test_a_run_fails_when_its_retries_are_used_up(tmp_path: Path) -> None:
    def broken() -> None:
        raise ValueError("this will never work")

    with Harness(tmp_path) as harness:
        harness.manager.add_task(broken, "cron", "broken", minute="*", max_retries=0)
        harness.advance(60)
        [run] = harness.ended("broken")
    assert run.state is State.FAILED
    assert "this will never work" in run.reason


def test_an_attempt_that_takes_longer_than_its_timeout_is_ended(tmp_path: Path) -> None:
    began = threading.Event()

    async def slow() -> None:
        began.set()
        await asyncio.Event().wait()

    with Harness(tmp_path) as harness:
        harness.manager.add_task(slow, "cron", "slow", minute="*", timeout=5, max_retries=0)
        harness.advance(60)
        assert began.wait(60)
        harness.advance(6)
        [run] = harness.ended("slow")
        [attempt] = harness.manager.history.attempts(run.id)
    assert (run.state, attempt.outcome) == (State.FAILED, "timed_out")


def test_a_run_can_be_cancelled(tmp_path: Path) -> None:
    async def endless() -> None:
        await asyncio.Event().wait()

    with Harness(tmp_path) as harness:
        harness.manager.add_task(endless, "cron", "endless", minute="*")
        run_id = harness.manager.run_task("endless")
        eventually(lambda: harness.manager.get_run(run_id).state is State.RUNNING)
        harness.manager.cancel_run(run_id, reason="it was a mistake")
        [run] = harness.ended("endless")
    assert (run.state, run.reason) == (State.CANCELLED, "it was a mistake")


def test_what_an_attempt_logs_and_prints_belongs_to_its_run(tmp_path: Path) -> None:
    def talk() -> None:
        logging.getLogger("shop").warning("only two left")
        print("done")  # noqa: T201  # what is printed is recorded

    with Harness(tmp_path) as harness:
        harness.manager.add_task(talk, "cron", "talk", minute="*")
        harness.advance(60)
        [run] = harness.ended("talk")
        lines = harness.manager.history.logs(run.id)
    assert [line.text for line in lines] == ["only two left", "done"]


def test_a_checkpoint_survives_to_the_next_attempt(tmp_path: Path) -> None:
    pages: list[int] = []

    def fetch() -> None:
        run = rota.current_run()
        for page in range(run.checkpoint() or 0, 4):
            if page == 2 and run.attempt == 1:
                raise ConnectionError
            pages.append(page)
            run.checkpoint(page + 1)

    with Harness(tmp_path) as harness:
        harness.manager.add_task(fetch, "cron", "fetch", minute="*", retry_delay=10)
        harness.advance(60)
        eventually(lambda: [run.state for run in harness.runs()] == [State.SCHEDULED])
        harness.advance(20)
        harness.ended("fetch")
    assert pages == [0, 1, 2, 3]


def test_a_plain_function_runs_in_a_thread_and_a_coroutine_on_the_task_loop(
    tmp_path: Path,
) -> None:
    def plain() -> str:
        return threading.current_thread().name

    async def coroutine() -> str:
        return threading.current_thread().name

    with Harness(tmp_path) as harness:
        for function in (plain, coroutine):
            harness.manager.add_task(function, "cron", function.__name__, minute="*")
        harness.advance(60)
        threads = {run.task_id: run.result for run in harness.ended(count=2)}
    assert threads["plain"] != threads["coroutine"]
    assert threading.current_thread().name not in threads.values()
