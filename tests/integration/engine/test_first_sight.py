"""A date or a start that had passed when its task was first seen: it runs, or its row says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rota.core.reasons import ReasonCode
from rota.core.run import Run, State
from rota.core.time import SECOND, from_datetime
from rota.testing import FakeClock, Harness, eventually

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)


async def work() -> None:
    pass


def ago(span: float) -> datetime:
    return NOW - timedelta(seconds=span)


def only_run(rig: Harness) -> Run:
    (run,) = rig.ended("once")
    return run


@pytest.mark.parametrize("catchup", ["latest", "none", "all"])
@pytest.mark.parametrize("span", [0, 0.001, 3, 60, 300])
def test_a_date_that_has_just_passed_runs_at_once(
    tmp_path: Path, span: float, catchup: str
) -> None:
    with Harness(tmp_path, FakeClock(NOW)) as rig:
        rig.manager.add_task(work, "date", "once", run_date=ago(span), catchup=catchup)
        run = only_run(rig)
        assert (run.state, run.fire_time) == (State.SUCCEEDED, from_datetime(ago(span)))
        task = rig.manager.get_task("once")
        assert task is not None
        assert (task.status, task.next_run, task.last_state) == ("finished", None, "succeeded")


def test_the_caller_learns_that_a_date_that_has_just_passed_runs(tmp_path: Path) -> None:
    rig = Harness(tmp_path, FakeClock(NOW))
    task = rig.manager.add_task(work, "date", "once", run_date=ago(3))
    assert (task.status, task.next_run) == ("scheduled", ago(3))
    rig.manager.shutdown()


@pytest.mark.parametrize("between", [1, 200])
def test_a_date_that_passes_before_the_start_runs_at_the_start(
    tmp_path: Path, between: float
) -> None:
    rig = Harness(tmp_path, FakeClock(NOW))
    rig.manager.add_task(work, "date", "once", run_date=ago(0), catchup="none")
    rig.advance(between)
    with rig:
        assert only_run(rig).state is State.SUCCEEDED


@pytest.mark.parametrize("span", [300.001, 3600, 40 * 86400])
def test_a_date_of_long_ago_is_missed_and_can_be_run_by_hand(
    tmp_path: Path, span: float, caplog: pytest.LogCaptureFixture
) -> None:
    with Harness(tmp_path, FakeClock(NOW)) as rig:
        task = rig.manager.add_task(work, "date", "once", run_date=ago(span))
        assert (task.status, task.next_run) == ("missed", None)
        run = only_run(rig)
        assert (run.state, run.reason_code) == (State.MISSED, ReasonCode.LATE_DATE)
        assert "had passed when it was first seen" in run.reason
        assert run.count == 1
        assert "had passed when it was first seen" in caplog.text
        rig.manager.run_task("once")
        assert [run.state for run in rig.ended("once", 2)] == [State.MISSED, State.SUCCEEDED]
        eventually(lambda: rig.manager.get_task("once").status == "finished")  # type: ignore[union-attr]


def test_a_restart_repeats_neither_what_ran_nor_what_was_missed(tmp_path: Path) -> None:
    clock = FakeClock(NOW)
    for _ in range(3):
        with Harness(tmp_path, clock) as rig:
            rig.manager.add_task(work, "date", "ran", run_date=ago(3))
            rig.manager.add_task(work, "date", "missed", run_date=ago(4000))
            assert [run.state for run in rig.ended("ran")] == [State.SUCCEEDED]
            assert [run.state for run in rig.ended("missed")] == [State.MISSED]
            rig.advance(20)


def test_a_date_that_was_known_before_its_time_follows_catchup(tmp_path: Path) -> None:
    clock = FakeClock(NOW)
    dates = {"latest": State.SUCCEEDED, "none": State.MISSED}

    def add(rig: Harness) -> None:
        for catchup in dates:
            rig.manager.add_task(work, "date", catchup, run_date=ago(-60), catchup=catchup)

    with Harness(tmp_path, clock) as rig:
        add(rig)
    clock.advance(3600)
    with Harness(tmp_path, clock) as rig:
        add(rig)
        assert {one: rig.ended(one)[0].state for one in dates} == dates
        assert rig.runs("none")[0].reason_code is ReasonCode.DOWNTIME


def test_what_a_node_that_is_up_plans_late_fell_into_no_downtime(tmp_path: Path) -> None:
    clock = FakeClock(NOW)
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(work, "interval", "minutely", minutes=1, catchup="none")
        rig.advance(60)
        rig.ended("minutely")
    clock.advance(90)
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(work, "interval", "minutely", minutes=1, catchup="none")
        rig.ended("minutely", 2)
        rig.advance(90)
        down, up = rig.ended("minutely", 4)[1:3]
    assert (down.state, down.reason_code) == (State.MISSED, ReasonCode.DOWNTIME)
    assert (up.state, up.reason_code) == (State.MISSED, ReasonCode.BEHIND)
    assert "a node was up at its time" in up.reason


def test_a_date_evaluated_anew_at_each_start_runs_at_each_start(tmp_path: Path) -> None:
    clock = FakeClock(NOW)
    for count in (1, 2, 3):
        with Harness(tmp_path, clock) as rig:
            today = NOW + timedelta(seconds=clock.monotonic())
            rig.manager.add_task(work, "date", "once", run_date=today)
            assert [run.state for run in rig.ended("once", count)] == [State.SUCCEEDED] * count
            clock.advance(30)


def test_two_nodes_run_one_date_once(tmp_path: Path) -> None:
    clock = FakeClock(NOW)
    with Harness(tmp_path, clock) as a, Harness(tmp_path, clock) as b:
        for rig in (a, b):
            rig.manager.add_task(work, "date", "once", run_date=ago(2))
        b.advance(10)
        assert only_run(a).state is State.SUCCEEDED
        eventually(lambda: b.manager.services.engine.planner.is_idle)
        assert len(b.runs("once")) == 1


@pytest.mark.parametrize("unit", [{"seconds": 30}, {"hours": 1}])
@pytest.mark.parametrize("span", [0, 3, 20])
def test_an_interval_that_starts_now_fires_at_that_instant(
    tmp_path: Path, unit: dict[str, Any], span: float
) -> None:
    rig = Harness(tmp_path, FakeClock(NOW))
    rig.manager.add_task(work, "interval", "once", start_date=ago(0), **unit, catchup="none")
    rig.advance(span)
    with rig:
        run = only_run(rig)
        assert (run.state, run.fire_time) == (State.SUCCEEDED, from_datetime(NOW))


def test_an_interval_that_started_long_ago_fires_from_now_on(tmp_path: Path) -> None:
    with Harness(tmp_path, FakeClock(NOW)) as rig:
        rig.manager.add_task(work, "interval", "once", start_date=ago(3600), seconds=60)
        rig.advance(60)
        (run,) = rig.ended("once")
        assert run.fire_time == from_datetime(NOW) + 60 * SECOND


def test_a_date_that_is_added_again_after_its_removal_is_a_new_one(tmp_path: Path) -> None:
    clock = FakeClock(NOW)
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(work, "date", "once", run_date=ago(-60))
        rig.manager.remove_task("once")
        rig.advance(90)
        rig.manager.add_task(work, "date", "once", run_date=ago(-60))
        assert only_run(rig).state is State.SUCCEEDED


@pytest.mark.parametrize("is_up", [True, False])
@pytest.mark.parametrize("before", ["waits", "has run"])
@pytest.mark.parametrize(
    ("span", "state"),
    [(3, State.SUCCEEDED), (290, State.SUCCEEDED), (600, State.MISSED), (90_000, State.MISSED)],
)
def test_an_edit_to_a_date_that_has_passed_is_seen_as_a_new_task_is(
    tmp_path: Path, span: float, state: State, before: str, is_up: bool
) -> None:
    """Whether a node is up when it is edited, and whether the date before has come."""
    clock = FakeClock(NOW - timedelta(seconds=120))
    first = ago(60 if before == "has run" else -3600)

    def node() -> Harness:
        rig = Harness(tmp_path, clock)
        rig.manager.add_task(work, "date", "once", run_date=first, catchup="none")
        return rig

    with node() as rig:
        rig.advance(120)
        ran = rig.ended("once") if before == "has run" else []
        if is_up:
            edited = rig.manager.edit_task("once", trigger_args={"run_date": ago(span)})
            runs = rig.ended("once", len(ran) + 1)
    if not is_up:
        desk = node()
        edited = desk.manager.edit_task("once", trigger_args={"run_date": ago(span)})
        desk.manager.shutdown()
        assert edited.status == ("missed" if state is State.MISSED else "scheduled")
        with node() as rig:
            runs = rig.ended("once", len(ran) + 1)
    assert [run.state for run in runs if run.fire_time == from_datetime(ago(span))] == [state]
    assert (edited.status == "missed") == (state is State.MISSED)
    with node() as rig:  # and once only
        rig.advance(1)
        eventually(lambda: rig.manager.services.engine.planner.is_idle)
        assert len(rig.runs("once")) == len(ran) + 1
        status = rig.manager.get_task("once").status  # type: ignore[union-attr]
        assert status == ("missed" if state is State.MISSED else "finished")
        if state is State.MISSED:
            rig.manager.run_task("once")
            rig.ended("once", len(ran) + 2)
            assert rig.manager.get_task("once").status == "finished"  # type: ignore[union-attr]
            assert [task.status for task in rig.manager.list_tasks()] == ["finished"]


@pytest.mark.parametrize("span", [0, 3, 10, 12, 20])
@pytest.mark.parametrize("edit", [None, {"seconds": 4}])
def test_an_interval_that_becomes_a_date_that_has_just_passed_runs_then(
    tmp_path: Path, span: float, edit: dict[str, Any] | None
) -> None:
    """Whatever the interval was planned up to, and with an edit that does not fit a date."""
    clock = FakeClock(NOW - timedelta(seconds=20))
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(work, "interval", "once", seconds=5)
        if edit is not None:
            rig.manager.edit_task("once", trigger_args=edit)
        rig.advance(10)
        rig.ended("once")
        rig.advance(10)
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(work, "date", "once", run_date=ago(span))
        eventually(lambda: from_datetime(ago(span)) in [run.fire_time for run in rig.ended("once")])


TWO_DATES = [{"trigger": "date", "run_date": "2024-01-01 11:59:57"}, {"crontab": "0 9 1 2 *"}]


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        ("any", {"of": TWO_DATES}),
        ("every", {"text": "hour, counted from 2024-01-01 11:59:57"}),
        ("rrule", {"rrule": "FREQ=DAILY", "dtstart": "2024-01-01 11:59:57"}),
        ("cron", {"crontab": "@every 90m", "start_date": "2024-01-01 11:59:57"}),
    ],
)
def test_a_moment_that_has_just_passed_runs_at_once_in_each_kind(
    tmp_path: Path, kind: str, args: dict[str, Any]
) -> None:
    clock = FakeClock(NOW)
    for _ in range(2):
        with Harness(tmp_path, clock) as rig:
            rig.manager.add_task(work, kind, "once", **args, catchup="none")
            assert (only_run(rig).state, only_run(rig).fire_time) == (
                State.SUCCEEDED,
                from_datetime(ago(3)),
            )
            rig.advance(1)
