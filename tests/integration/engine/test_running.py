"""The way of a run, from its instant to its row, on a fake clock and a real ledger."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

import rota
from rota.core.run import State
from rota.core.time import SECOND, to_datetime
from rota.errors import (
    DefinitionError,
    StateError,
    TaskLimitError,
    TriggerError,
    UnknownTaskError,
)
from rota.testing import FakeClock, Harness, eventually

START = datetime(2024, 1, 1, tzinfo=UTC)


async def succeed() -> dict[str, int]:
    logging.getLogger("some.library").warning("said by a library")
    print("printed")  # noqa: T201  # what is printed is captured
    return {"answer": 42}


def plain() -> str:
    return threading.current_thread().name


def test_occurrence_is_planned_run_and_recorded(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        task = rig.manager.add_task(succeed, "cron", "succeed", minute="*")
        assert task.next_run == datetime(2024, 1, 1, 0, 1, tzinfo=UTC)
        rig.advance(60)
        (run,) = rig.ended("succeed")
        assert run.state is State.SUCCEEDED
        assert run.fire_time == rig.clock.now()
        assert run.result == {"answer": 42}
        assert [line.text for line in rig.manager.history.logs(run.id)] == [
            "said by a library",
            "printed",
        ]
        (attempt,) = rig.manager.history.attempts(run.id)
        assert attempt.outcome == "succeeded"
        assert attempt.peak_memory is not None
        shown = rig.manager.get_task("succeed")
        assert shown is not None
        assert shown.last_run is not None
        assert shown.next_run == datetime(2024, 1, 1, 0, 2, tzinfo=UTC)


def test_plain_function_runs_in_a_thread(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(plain, "interval", "plain", seconds=10)
        rig.advance(10)
        (run,) = rig.ended("plain")
        assert "rota-thread" in str(run.result)


def test_failure_is_retried_and_the_retry_survives_a_restart(tmp_path: Path) -> None:
    seen: list[int] = []

    async def fails_once() -> None:
        seen.append(rota.current_run().attempt)
        if len(seen) == 1:
            raise ConnectionError("not yet")

    clock = FakeClock()
    options = {"retry_delay": 600.0, "minute": "*", "max_retries": 1}
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(fails_once, "cron", "fails", **options)
        rig.advance(60)
        run = eventually(lambda: [r for r in rig.runs("fails") if r.state is State.SCHEDULED])[0]
        assert run.reason == "retry 1 of 1 after ConnectionError: not yet"
    with Harness(tmp_path, clock) as again:
        again.manager.add_task(fails_once, "cron", "fails", **options)
        again.advance(601)
        eventually(lambda: again.manager.get_run(run.id).state is State.SUCCEEDED)
        outcomes = [one.outcome for one in again.manager.history.attempts(run.id)]
        assert outcomes == ["failed", "succeeded"]
    assert seen[:2] == [1, 2]


def test_exception_after_the_last_retry_fails_the_run_and_the_schedule_goes_on(
    tmp_path: Path,
) -> None:
    async def fails() -> None:
        raise ValueError("always")

    with Harness(tmp_path) as rig:
        rig.manager.add_task(fails, "cron", "fails", minute="*", max_retries=0)
        for expected in (1, 2):
            rig.advance(60)
            runs = rig.ended("fails", expected)
            assert [run.state for run in runs] == [State.FAILED] * expected
        (attempt,) = rig.manager.history.attempts(runs[0].id)
        assert attempt.error == "ValueError: always"
        assert attempt.traceback is not None
        assert 'raise ValueError("always")' in attempt.traceback


def test_an_occurrence_that_finds_its_task_running_is_skipped_with_a_reason(
    tmp_path: Path,
) -> None:
    gate = threading.Event()

    def waits() -> None:
        gate.wait(90)

    with Harness(tmp_path, node="a") as rig:
        rig.manager.add_task(waits, "cron", "waits", minute="*")
        rig.advance(60)
        eventually(lambda: [r for r in rig.runs() if r.state is State.RUNNING])
        rig.advance(60)
        skipped = eventually(lambda: [r for r in rig.runs() if r.state is State.SKIPPED])[0]
        assert skipped.reason.startswith("the run of 2024-01-01T00:01:00Z was still running")
        gate.set()
        assert [run.state for run in rig.ended(count=2)] == [State.SUCCEEDED, State.SKIPPED]


def test_queue_waits_for_the_end_and_replace_cancels(tmp_path: Path) -> None:
    started: list[str] = []

    async def long() -> None:
        started.append(rota.current_run().id)
        await asyncio.sleep(3600)

    with Harness(tmp_path) as rig:
        rig.manager.add_task(long, "cron", "long", minute="*", overlap="replace", timeout=86_400)
        rig.advance(60)
        eventually(lambda: len(started) == 1)
        rig.advance(60)
        eventually(lambda: len(started) == 2)
        first, second = rig.runs("long")
        assert first.state is State.CANCELLED
        assert second.state is State.RUNNING


def test_downtime_is_caught_up_by_its_newest_occurrence(tmp_path: Path) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(succeed, "cron", "succeed", minute="*")
        rig.manager.list_tasks()
    clock.advance(600 + 30)
    with Harness(tmp_path, clock) as again:
        again.manager.add_task(succeed, "cron", "succeed", minute="*")
        runs = again.ended("succeed", 10)
        assert [run.state for run in runs] == [State.MISSED] * 9 + [State.SUCCEEDED]
        assert len({run.fire_time for run in runs}) == 10


def test_arguments_of_a_manual_start_are_passed_by_keyword(tmp_path: Path) -> None:
    async def greet(name: str = "nobody") -> str:
        return f"hello {name}"

    with Harness(tmp_path) as rig:
        rig.manager.add_task(greet, "date", "greet", run_date="2030-01-01")
        rig.manager.run_task("greet", arguments={"name": "Ada"})
        (run,) = rig.ended("greet")
        assert run.result == "hello Ada"


def test_cancel_a_running_and_a_waiting_run(tmp_path: Path) -> None:
    async def long() -> None:
        await asyncio.sleep(3600)

    with Harness(tmp_path) as rig:
        rig.manager.add_task(long, "date", "long", run_date="2030-01-01")
        first, second = rig.manager.run_task("long"), rig.manager.run_task("long")
        eventually(lambda: rig.manager.get_run(first).state is State.RUNNING)
        assert rig.manager.cancel_run(second, reason="not needed") is State.CANCELLED
        rig.manager.cancel_run(first, reason="enough")
        runs = rig.ended("long", 2)
        assert {(run.state, run.reason) for run in runs} == {
            (State.CANCELLED, "enough"),
            (State.CANCELLED, "not needed"),
        }
        with pytest.raises(StateError):
            rig.manager.cancel_run(first)


def test_timeout_ends_the_attempt(tmp_path: Path) -> None:
    began = threading.Event()

    async def stubborn() -> None:
        began.set()
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue

    with Harness(tmp_path) as rig:
        rig.manager.add_task(
            stubborn, "date", "stubborn", run_date="2030-01-01", timeout=5, max_retries=0
        )
        rig.manager.run_task("stubborn")
        engine = rig.manager.services.engine
        assert began.wait(90)  # before its first step it would obey
        rig.advance(5)
        eventually(lambda: [f for f in engine.in_flight.by_run.values() if f.timed_out])
        rig.advance(1)
        (run,) = rig.ended("stubborn")
        assert (run.state, run.reason) == (State.FAILED, "timed out after 5 s")
        (attempt,) = rig.manager.history.attempts(run.id)
        assert attempt.outcome == "timed_out"


def test_progress_and_checkpoint(tmp_path: Path) -> None:
    gate = threading.Event()

    def resumes() -> list[int]:
        run = rota.current_run()
        done = run.checkpoint() or []
        if not done:
            run.progress(1, 2, "half")
            run.checkpoint([1])
            gate.wait(90)
            raise ConnectionError
        return [*done, 2]

    with Harness(tmp_path) as rig:
        rig.manager.add_task(resumes, "date", "resumes", run_date="2030-01-01", retry_delay=5)
        run_id = rig.manager.run_task("resumes")
        expected = {"done": 1, "total": 2, "note": "half"}
        eventually(lambda: rig.manager.get_run(run_id).progress == expected)
        gate.set()
        eventually(lambda: rig.manager.get_run(run_id).state is State.SCHEDULED)
        rig.advance(6)
        eventually(lambda: rig.manager.get_run(run_id).result == [1, 2])


def test_start_deadline_makes_a_late_start_missed(tmp_path: Path) -> None:
    gate = threading.Event()

    def waits() -> None:
        gate.wait(90)

    with Harness(tmp_path, scheduler_thread_pool=1) as rig:
        rig.manager.add_task(waits, "date", "hog", run_date="2030-01-01")
        rig.manager.run_task("hog")
        eventually(lambda: [r for r in rig.runs("hog") if r.state is State.RUNNING])
        rig.manager.add_task(plain, "cron", "late", minute="*", start_deadline=10)
        rig.advance(60)
        eventually(lambda: rig.runs("late"))
        rig.advance(11)
        gate.set()
        (run,) = rig.ended("late")
        assert run.state is State.MISSED
        assert "start_deadline" in run.reason


def test_jitter_delays_the_start_but_not_the_key(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(succeed, "cron", "succeed", minute="*", jitter=30)
        rig.advance(60)
        run = eventually(lambda: rig.runs("succeed"))[0]
        assert run.fire_time == rig.clock.now()
        assert 0 <= run.available_at - run.fire_time <= 30_000_000
        rig.advance(31)
        assert rig.ended("succeed")[0].state is State.SUCCEEDED


def test_wall_clock_stepped_back_repeats_nothing(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(succeed, "cron", "succeed", minute="*")
        rig.advance(60)
        rig.ended("succeed", 1)
        rig.fake_clock.step(-120)
        for _ in range(3):
            rig.advance(60)
        runs = rig.ended("succeed", 2)
        assert len({run.fire_time for run in runs}) == len(runs)


def test_two_nodes_plan_each_occurrence_once(tmp_path: Path) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock, node="a") as one, Harness(tmp_path, clock, node="b") as two:
        for rig in (one, two):
            rig.manager.add_task(succeed, "cron", "succeed", minute="*")
            rig.manager.list_tasks()
        for minute in range(1, 6):
            clock.advance(60)
            for rig in (one, two):
                rig.manager.services.engine.poke()
            one.ended("succeed", minute)
        runs = one.ended("succeed", 5)
        assert len(runs) == len({run.fire_time for run in runs}) == 5
        assert all(run.attempt == 1 for run in runs)


def test_limits_and_unknown_ids(tmp_path: Path) -> None:
    with Harness(tmp_path, max_tasks=1) as rig:
        rig.manager.add_task(succeed, "cron", "succeed", minute="*")
        with pytest.raises(TaskLimitError, match=r"manager\.max_tasks"):
            rig.manager.add_task(plain, "cron", "plain", minute="*")
        for verb in (rig.manager.run_task, rig.manager.pause_task, rig.manager.remove_task):
            with pytest.raises(UnknownTaskError, match="Did you mean 'succeed'"):
                verb("suceed")
        assert rig.manager.get_task("nobody") is None


def test_past_single_dates_do_not_count_against_the_limit_of_tasks(tmp_path: Path) -> None:
    with Harness(tmp_path, max_tasks=2) as rig:
        rig.manager.add_task(succeed, "cron", "succeed", minute="*")
        for number in range(5):
            when = to_datetime(rig.clock.now() + 30 * SECOND)
            rig.manager.add_task(plain, "date", f"once{number}", run_date=when)
            with pytest.raises(TaskLimitError, match=r"manager\.max_tasks"):
                rig.manager.add_task(plain, "cron", "another", minute="*")
            rig.advance(31)
            rig.ended(f"once{number}")
        rig.manager.add_task(plain, "cron", "another", minute="*", enabled=False)
        with pytest.raises(TaskLimitError):  # a disabled one can be enabled
            rig.manager.add_task(plain, "cron", "last", minute="*")


def test_removed_task_is_gone_and_its_history_stays(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(succeed, "cron", "succeed", minute="*")
        rig.advance(60)
        rig.ended("succeed")
        rig.manager.remove_task("succeed")
        assert rig.manager.get_task("succeed") is None
        assert rig.manager.list_tasks() == []
        rig.advance(120)
        assert len(rig.runs("succeed")) == 1


def test_edit_lays_over_the_code_and_survives_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(succeed, "cron", "succeed", minute="*")
        task = rig.manager.edit_task("succeed", trigger_args={"hour": 9})
        assert task.next_run == datetime(2024, 1, 1, 9, tzinfo=UTC)
    with Harness(tmp_path, clock) as again:
        again.manager.add_task(succeed, "cron", "succeed", minute="*")
        task = again.manager.list_tasks()[0]
        assert task.next_run == datetime(2024, 1, 1, 9, tzinfo=UTC)


def test_progress_of_a_quick_task_is_kept(tmp_path: Path) -> None:
    async def quick() -> None:
        rota.current_run().progress(3, 3, "all")

    with Harness(tmp_path) as rig:
        rig.manager.add_task(quick, "date", "quick", run_date="2030-01-01")
        rig.manager.run_task("quick")
        (run,) = rig.ended("quick")
        assert run.progress == {"done": 3, "total": 3, "note": "all"}


def test_edits_are_checked_also_for_a_task_whose_code_is_elsewhere(tmp_path: Path) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(succeed, "cron", "succeed", minute="*")
        rig.manager.list_tasks()
    with Harness(tmp_path, clock) as other:
        with pytest.raises(TriggerError):
            other.manager.edit_task("succeed", trigger_args={"hours": "x"})
        with pytest.raises(DefinitionError, match="control"):
            other.manager.edit_task("succeed", name="a\0b")


def test_runs_are_walked_through_page_by_page(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(succeed, "date", "succeed", run_date="2030-01-01", overlap="allow")
        made = rig.manager.run_many("succeed", [None] * 2_500)
        eventually(lambda: not rig.manager.history.counts(rig.clock.now()).busy)
        assert [run.id for run in rig.manager.runs(newest_first=False, since=START)] == made
        assert len(list(rig.manager.runs(states=["failed"]))) == 0
