"""A wall clock that is set forward and back, a fake one: nothing repeats, nothing falls silent."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import rota
from rota.core.ports.records import NodeRecord
from rota.core.run import FINAL, State
from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant
from rota.engine.membership.lease_monitor import LeaseMonitor
from rota.engine.upkeep.step_detecting_clock import StepDetectingClock
from rota.runtime.node_process import host, is_dead, process_start_token
from rota.testing import FakeClock, Harness, eventually
from tests.fault.effort import effort

START = datetime(2024, 1, 1, 0, 0, 20, tzinfo=UTC)


async def work() -> None:
    pass


class ClockSteps:
    """Steps the clock of a harness, each step until the node has seen it."""

    def step(self, rig: Harness, span: Instant) -> None:
        watchdog = rig.manager.services.engine.watchdog
        before = watchdog.steps
        rig.fake_clock.step(span / SECOND)
        eventually(
            lambda: watchdog.steps > before,
            what=f"a step of {span / SECOND} s is seen",
        )


@pytest.fixture
def clock_steps() -> ClockSteps:
    return ClockSteps()


def succeeded(rig: Harness, task_id: str, fire_time: Instant) -> bool:
    """Say whether an occurrence ran well, once."""
    states = [run.state for run in rig.runs(task_id) if run.fire_time == fire_time]
    assert len(states) < 2
    return states == [State.SUCCEEDED]


def runs_each_minute(rig: Harness, task_id: str, minutes: int = 3) -> None:
    """Let some minutes pass and see each of their occurrences run in its time."""
    for _ in range(minutes):
        now = rig.clock.now()
        rig.advance((MINUTE - now % MINUTE) / SECOND)
        due = rig.clock.now()
        eventually(lambda: succeeded(rig, task_id, due), what=f"{due} runs")  # noqa: B023


def beats(*rigs: Harness) -> None:
    """Wait until every node has renewed its lease since now."""
    history = rigs[0].manager.history
    before = {node.id: node.seen_at for node in history.nodes() if node.state == "up"}
    assert len(before) == len(rigs)
    for rig in rigs:
        rig.advance(3)
    eventually(lambda: all(node.seen_at != before.get(node.id) for node in history.nodes()))


def has_a_run_of(rig: Harness, task_id: str, after: Instant) -> None:
    """Wait for a run of an occurrence after an instant."""
    rig.manager.services.engine.poke()
    eventually(lambda: any((run.fire_time or 0) > after for run in rig.runs(task_id)))


# --- what is planned ----------------------------------------------------------------------------


@pytest.mark.parametrize("catchup", ["latest", "none", "all"])
def test_a_clock_that_was_ahead_for_a_while_silences_nothing(
    tmp_path: Path, clock_steps: ClockSteps, catchup: str
) -> None:
    clock = FakeClock(START)
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(work, "cron", "work", minute="*", catchup=catchup)
        runs_each_minute(rig, "work", 1)
        clock_steps.step(rig, 3 * DAY)
        has_a_run_of(rig, "work", clock.now() - 2 * MINUTE)
        clock_steps.step(rig, -3 * DAY)
        runs_each_minute(rig, "work")
        stored = rig.manager.history.task("work")
        assert stored.planned_until <= clock.now()
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(work, "cron", "work", minute="*", catchup=catchup)
        runs_each_minute(rig, "work")


def test_a_daily_task_runs_on_each_of_the_days_that_the_clock_leapt_over(
    tmp_path: Path, clock_steps: ClockSteps
) -> None:
    with Harness(tmp_path, FakeClock(START)) as rig:
        rig.manager.add_task(work, "cron", "daily", hour=9)
        clock_steps.step(rig, 3 * DAY)
        last = rig.clock.now() - 15 * HOUR - 20 * SECOND
        eventually(lambda: succeeded(rig, "daily", last))  # else it is forgotten, as it never ran
        clock_steps.step(rig, -3 * DAY)
        eventually(lambda: len(rig.ended("daily")) == 1)
        (ahead,) = rig.runs("daily")  # the newest one, which ran while the clock said so
        rig.advance(9 * 3600 - 20)
        for _ in range(2):
            due = rig.clock.now()
            eventually(lambda: succeeded(rig, "daily", due))  # noqa: B023
            rig.advance(24 * 3600)
        assert rig.clock.now() == ahead.fire_time
        rig.advance(24 * 3600)
        due = rig.clock.now()
        eventually(lambda: succeeded(rig, "daily", due))
        assert rig.manager.get_run(ahead.id) == ahead


def test_a_ledger_from_a_clock_that_was_ahead_silences_nothing(tmp_path: Path) -> None:
    with Harness(tmp_path, FakeClock(START + timedelta(days=3))) as rig:
        rig.manager.add_task(work, "cron", "cron", minute="*")
        rig.manager.add_task(work, "interval", "interval", minutes=1)
        runs_each_minute(rig, "cron", 1)
    with Harness(tmp_path, FakeClock(START)) as rig:
        rig.manager.add_task(work, "cron", "cron", minute="*")
        rig.manager.add_task(work, "interval", "interval", minutes=1)
        runs_each_minute(rig, "cron")
        rig.advance(60)
        rig.ended("interval")


def test_a_task_added_while_the_clock_was_ahead_runs_after_it_was_put_right(
    tmp_path: Path, clock_steps: ClockSteps
) -> None:
    with Harness(tmp_path, FakeClock(START)) as rig:
        clock_steps.step(rig, 3 * DAY)
        rig.manager.add_task(work, "interval", "new", minutes=1)
        rig.manager.list_tasks()
        clock_steps.step(rig, -3 * DAY)
        now = rig.clock.now()
        entry = rig.manager.services.engine.registry.get("new")
        assert entry is not None
        eventually(lambda: (entry.next_run(now) or 0) <= now + MINUTE)
        rig.advance(60)
        rig.ended("new")


def test_two_hours_back_repeat_nothing_and_what_comes_next_runs(
    tmp_path: Path, clock_steps: ClockSteps
) -> None:
    with Harness(tmp_path, FakeClock(START)) as rig:
        rig.manager.add_task(work, "cron", "work", minute="*/30")
        for count in range(1, 5):
            rig.advance(1800)
            rig.ended("work", count)
        before = rig.runs("work")
        clock_steps.step(rig, -2 * HOUR)
        for _ in range(4):
            rig.advance(1800)
        rig.advance(1800)
        assert len(rig.ended("work", 5)) == 5
        assert rig.runs("work")[:4] == before


def test_a_pause_until_a_time_to_come_survives_a_step_back(
    tmp_path: Path, clock_steps: ClockSteps
) -> None:
    with Harness(tmp_path, FakeClock(START)) as rig:
        rig.manager.add_task(work, "cron", "work", minute="*")
        rig.manager.pause_task("work", until=START + timedelta(minutes=9, seconds=30))
        clock_steps.step(rig, 5 * MINUTE)
        clock_steps.step(rig, -5 * MINUTE)
        for _ in range(9):
            rig.advance(60)
        assert rig.runs("work") == []
        runs_each_minute(rig, "work", 2)


def test_sixty_steps_back_of_one_second_repeat_nothing(
    tmp_path: Path, clock_steps: ClockSteps
) -> None:
    with Harness(tmp_path, FakeClock(START)) as rig:
        rig.manager.add_task(work, "interval", "work", seconds=1, overlap="allow")
        for _ in range(effort(10, 60)):
            rig.advance(1)
            clock_steps.step(rig, -SECOND)
        rig.advance(2)
        now = rig.clock.now()
        eventually(lambda: succeeded(rig, "work", now))
        fire_times = [run.fire_time for run in rig.ended("work")]
        assert len(fire_times) == len(set(fire_times)) <= 4


def test_after_a_suspension_the_newest_occurrence_is_caught_up(
    tmp_path: Path, clock_steps: ClockSteps
) -> None:
    with Harness(tmp_path, FakeClock(START)) as rig:
        rig.manager.add_task(work, "cron", "work", minute=0)
        clock_steps.step(rig, 8 * HOUR + 5 * MINUTE)  # the monotonic clock stood still
        runs = rig.ended("work", 8)
        assert Counter(run.state for run in runs) == {State.MISSED: 7, State.SUCCEEDED: 1}
        assert runs[-1].fire_time == rig.clock.now() - 5 * MINUTE - 20 * SECOND


def test_what_is_about_to_start_does_not_wait_for_days(
    tmp_path: Path, clock_steps: ClockSteps
) -> None:
    """It was handed over a moment before its instant, and then the clock was set back."""
    with Harness(tmp_path, FakeClock(START)) as rig:
        rig.manager.add_task(work, "cron", "work", minute="*")
        rig.advance(39.98)
        eventually(lambda: [run for run in rig.runs("work") if run.state is State.RUNNING])
        clock_steps.step(rig, -3 * DAY)
        rig.advance(1)
        # The minute that comes then, three days before, is due as well.
        run = max(rig.ended("work"), key=lambda run: run.fire_time or 0)
        assert run.state is State.SUCCEEDED


# --- what waits, and what runs ------------------------------------------------------------------


def test_a_retry_waits_as_long_as_it_still_had_to(tmp_path: Path, clock_steps: ClockSteps) -> None:
    attempts: list[int] = []

    async def fails_once() -> None:
        attempts.append(rota.current_run().attempt)
        if len(attempts) == 1:
            raise ConnectionError("not yet")

    with Harness(tmp_path, FakeClock(START)) as rig:
        rig.manager.add_task(
            fails_once, "date", "fails", run_date="2100-01-01", retry_delay=600.0, max_retries=1
        )
        clock_steps.step(rig, 3 * DAY)
        run_id = rig.manager.run_task("fails")
        eventually(lambda: rig.manager.get_run(run_id).state is State.SCHEDULED)
        clock_steps.step(rig, -3 * DAY)
        latest = rig.clock.now() + 601 * SECOND
        eventually(lambda: rig.manager.get_run(run_id).available_at <= latest)
        rig.advance(60)
        assert attempts == [1]
        rig.advance(700)
        eventually(lambda: rig.manager.get_run(run_id).state is State.SUCCEEDED)


@pytest.mark.parametrize("span", [HOUR, -2 * HOUR, 3 * DAY])
def test_a_running_attempt_knows_nothing_of_a_step(
    tmp_path: Path, clock_steps: ClockSteps, span: Instant
) -> None:
    clock = FakeClock()
    release = tmp_path / "release"

    def hold() -> None:
        eventually(release.exists, within=60)

    with Harness(tmp_path, clock, node="a") as one, Harness(tmp_path, clock, node="b") as two:
        for rig in (one, two):
            rig.manager.add_task(hold, "date", "hold", run_date="2100-01-01", timeout=60)
        run_id = one.manager.run_task("hold")
        eventually(lambda: one.manager.get_run(run_id).state is State.RUNNING)
        clock_steps.step(one, span)
        for _ in range(2):  # each node looks at the other
            beats(one, two)
        release.touch()
        (run,) = one.ended("hold")
        assert (run.state, run.attempt, run.crashes) == (State.SUCCEEDED, 1, 0)
        assert run.started_at is not None
        assert run.finished_at is not None
        assert run.attempt_started_at is not None
        assert run.attempt_started_at <= run.finished_at


# --- who lives ----------------------------------------------------------------------------------


def node(**changes: object) -> NodeRecord:
    mine = NodeRecord("n", "n", host(), os.getpid(), "", 1, 0, 0, 10 * SECOND, "up")
    return replace(mine, **{"info": {"born": process_start_token(os.getpid())}, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("started_at", [0, 4_000_000_000 * SECOND])
def test_a_process_lives_whatever_the_clock_said_when_it_began(started_at: Instant) -> None:
    assert not is_dead(node(started_at=started_at))


def test_a_process_is_dead_whose_number_another_one_has() -> None:
    assert is_dead(node(info={"born": "another time"}))
    assert is_dead(node(pid=2**22 + 1))


def test_another_machine_of_the_same_name_is_not_taken_for_this_one() -> None:
    assert not is_dead(node(host=host() + "x", pid=2**22 + 1))


def test_silence_counts_by_the_monotonic_clock_and_while_it_is_listened_to() -> None:
    clock = FakeClock()
    silences = LeaseMonitor(clock, every=2.0)
    quiet, lively = node(id="quiet"), node(id="lively")
    for second in range(0, 12, 2):
        assert silences.of([quiet, replace(lively, seen_at=second)]) == set()
        clock.step(random.choice([-7200, 3600, 3 * 86_400]))
        clock.advance(2)
    assert silences.of([quiet, lively]) == {"quiet"}
    assert silences.of([replace(quiet, seen_at=1)]) == set()
    clock.advance(3600)  # this node stood still
    assert silences.of([replace(quiet, seen_at=1)]) == set()


# --- what is seen -------------------------------------------------------------------------------


def test_a_step_forth_and_back_between_two_looks_is_seen_if_anybody_read_it() -> None:
    machine = FakeClock()
    clock = StepDetectingClock(machine)
    machine.step(3 * 86_400)
    machine.step(-3 * 86_400)
    assert clock.step() == 0
    machine.step(3 * 86_400)
    clock.now()
    machine.step(-3 * 86_400)
    assert clock.step() == -3 * 86_400
    assert clock.step() == 0


def test_small_steps_add_up() -> None:
    machine = FakeClock()
    clock = StepDetectingClock(machine)
    for step in (0.2, -0.2):
        seen = 0.0
        for _ in range(50):
            machine.step(step)
            seen += clock.step()
        assert seen == pytest.approx(50 * step, abs=0.5)


class Interrupted(FakeClock):
    """Something happens on other threads between two readings of it, once."""

    def __init__(self) -> None:
        super().__init__()
        self.readings = 0  # until it happens
        self.meanwhile: Callable[[], object] = bool

    def monotonic(self) -> float:
        found = super().monotonic()
        self.readings -= 1
        if self.readings == 0:
            self.meanwhile()
        return found


def test_a_reading_from_before_a_step_hides_nothing_of_it() -> None:
    machine = Interrupted()
    clock = StepDetectingClock(machine)

    def ahead() -> None:
        machine.step(3 * 86_400)
        assert clock.step() == 3 * 86_400

    machine.readings, machine.meanwhile = 1, ahead
    clock.now()
    machine.step(-3 * 86_400)
    assert clock.step() == -3 * 86_400


@pytest.mark.parametrize("reading", [1, 2])
def test_a_step_that_another_thread_reads_during_the_look_is_seen_as_it_was(reading: int) -> None:
    machine = Interrupted()
    clock = StepDetectingClock(machine)

    def ahead() -> None:
        machine.step(3 * 86_400)
        reader = threading.Thread(target=clock.now)
        reader.start()
        reader.join(0.05)  # it may have to wait for the look

    machine.readings, machine.meanwhile = reading, ahead
    seen = [clock.step(), clock.step()]
    assert sorted(seen) == [0, 3 * 86_400]


# --- all of it at random ------------------------------------------------------------------------


def test_steps_at_random(tmp_path: Path, clock_steps: ClockSteps) -> None:
    """Whatever happens to the clock: after it is right again, every minute runs, once each."""
    began: Counter[tuple[str, int]] = Counter()

    async def count() -> None:
        run = rota.current_run()
        began[run.id, run.attempt] += 1
        if random.random() < 0.2:
            raise ConnectionError("now and then")

    with Harness(tmp_path, FakeClock(START), retry_delay=5.0) as rig:
        rig.manager.add_task(count, "cron", "count", minute="*", max_retries=2)
        rig.manager.add_task(work, "interval", "work", seconds=20, overlap="allow")
        wrong: Instant = 0
        for _ in range(effort(4, 60)):
            span = random.choice([HOUR, -2 * HOUR, 3 * DAY, -wrong, SECOND, -SECOND])
            if span:
                clock_steps.step(rig, span)
                wrong += span
            rig.advance(random.uniform(0, 90))
        if wrong:
            clock_steps.step(rig, -wrong)
        for _ in range(40):
            rig.advance(10)
        now = rig.clock.now()
        fire_times = Counter((run.task_id, run.fire_time) for run in rig.runs())
        assert max(fire_times.values()) == 1
        due = set(range(now - now % MINUTE - 5 * MINUTE, now, MINUTE))
        eventually(lambda: due <= {run.fire_time for run in rig.runs("count")})

        def all_over() -> bool:
            rig.advance(5)  # retries that wait get their turn
            return all(_is_over(run.state, run.fire_time, now) for run in rig.runs())

        eventually(all_over)
        assert max(began.values()) == 1


def _is_over(state: State, fire_time: Instant | None, now: Instant) -> bool:
    """Say whether a run has ended, or is of an occurrence that is yet to come."""
    return state in FINAL or (fire_time or 0) > now
