"""Maintenance windows of the configuration: they skip, delay and allow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import rota
from rota import TaskManager
from rota.config import Xcorecfg
from rota.core.reasons import ReasonCode
from rota.core.run import Run, State
from rota.core.time import to_datetime
from rota.errors import ConfigError
from rota.testing import FakeClock, Harness, eventually

BEGIN = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
NIGHT = {"since": "2026-11-30 01:00", "until": "2026-11-30 04:00", "tags": ["db"]}


def rig(tmp_path: Path, clock: FakeClock, **windows: dict[str, Any]) -> Harness:
    made = Harness(tmp_path, clock)
    made.manager.config.windows = Xcorecfg.model_validate({"windows": windows}).windows
    return made


def times_and_states(runs: list[Run]) -> list[tuple[str, State]]:
    return [(f"{to_datetime(run.fire_time or 0):%H:%M}", run.state) for run in runs]


def hourly(one: Harness, **options: Any) -> None:
    one.manager.add_task(lambda: None, None, "t", crontab="0 * * * *", tags="db", **options)


def test_occurrences_in_a_window_are_skipped_with_its_name(tmp_path: Path) -> None:
    night = {**NIGHT, "reason": "new disks"}
    with rig(tmp_path, FakeClock(BEGIN), night=night) as one:
        hourly(one)
        one.manager.add_task(lambda: None, None, "other", crontab="0 * * * *")
        task = one.manager.get_task("t")
        assert task is not None
        assert task.next_run == BEGIN + timedelta(hours=3.5)
        for count in range(1, 5):
            one.advance(3600)
            runs = one.ended("t", count)
            others = one.ended("other", count)
        assert times_and_states(runs) == [
            ("01:00", State.SKIPPED),
            ("02:00", State.SKIPPED),
            ("03:00", State.SKIPPED),
            ("04:00", State.SUCCEEDED),  # the end is the first instant after it
        ]
        assert runs[0].reason == "it is in the window night (new disks)"
        assert runs[0].reason_code is ReasonCode.WINDOW
        assert {run.state for run in others} == {State.SUCCEEDED}
        assert not one.manager.verify()


def test_the_first_occurrence_in_a_window_that_delays_runs_at_its_end(tmp_path: Path) -> None:
    with rig(tmp_path, FakeClock(BEGIN), night={**NIGHT, "action": "delay"}) as one:
        hourly(one)
        one.advance(3600)
        (first,) = eventually(lambda: one.runs("t"))
        assert (first.state, first.reason_code) == (State.SCHEDULED, ReasonCode.WINDOW)
        assert to_datetime(first.available_at) == BEGIN + timedelta(hours=3.5)
        one.advance(3600)
        eventually(lambda: len(one.runs("t")) == 2)
        one.advance(3600)
        eventually(lambda: len(one.runs("t")) == 3)
        assert one.runs("t")[0].state is State.SCHEDULED
        one.advance(3570)  # half a minute after the end
        runs = one.ended("t", 4)
        assert times_and_states(runs)[:3] == [
            *(("01:00", State.SUCCEEDED), ("02:00", State.SKIPPED), ("03:00", State.SKIPPED))
        ]
        assert (runs[0].started_at or 0) >= first.available_at
        assert runs[1].reason_code is ReasonCode.WINDOW
        assert "01:00" in runs[1].reason
        assert not one.manager.verify()


def test_with_overlap_allow_each_occurrence_is_delayed(tmp_path: Path) -> None:
    with rig(tmp_path, FakeClock(BEGIN), night={**NIGHT, "action": "delay"}) as one:
        hourly(one, overlap="allow")
        for count in range(1, 4):
            one.advance(3600)
            eventually(lambda count=count: len(one.runs("t")) == count)  # type: ignore[misc]
        assert {run.state for run in one.runs("t")} == {State.SCHEDULED}
        one.advance(3600)
        assert {run.state for run in one.ended("t", 4)} == {State.SUCCEEDED}


def test_a_window_that_allows_comes_before_all_others(tmp_path: Path) -> None:
    noon = {"since": "2026-11-30 02:00", "until": "2026-11-30 02:30", "tasks": ["t"]}
    windows = {"night": NIGHT, "but": {**noon, "action": "allow"}}
    with rig(tmp_path, FakeClock(BEGIN), **windows) as one:
        hourly(one)
        for count in range(1, 4):
            one.advance(3600)
            runs = one.ended("t", count)
        assert [run.state for run in runs] == [State.SKIPPED, State.SUCCEEDED, State.SKIPPED]


def test_a_delayed_run_survives_a_restart_and_runs_once(tmp_path: Path) -> None:
    clock = FakeClock(BEGIN)
    windows = {"night": {**NIGHT, "action": "delay"}}
    with rig(tmp_path, clock, **windows) as one:
        hourly(one)
        one.advance(3600)
        eventually(lambda: one.runs("t"))
    clock.advance(3 * 3600)
    with rig(tmp_path, clock, **windows) as one:
        hourly(one)
        runs = one.ended("t", 3)
        assert [run.state for run in runs].count(State.SUCCEEDED) == 2  # of 01:00 and of 04:00
        assert sum(run.count for run in runs) == 4
        assert times_and_states(runs)[0] == ("01:00", State.SUCCEEDED)
        assert not one.manager.verify()


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_window_at_a_change_of_the_clocks_fires_nothing_twice_or_early(
    tmp_path: Path, day: str
) -> None:
    begin = datetime.fromisoformat(f"{day}T00:15:00+01:00").astimezone(UTC)
    night = {"crontab": "0 1 * * *", "duration": 3600, "timezone": "Europe/Berlin", "all": True}
    options: dict[str, Any] = {"crontab": "30 1-3 * * *", "timezone": "Europe/Berlin"}
    due = rota.preview("cron", options, after=begin, count=3)
    clock = FakeClock(begin)
    with rig(tmp_path, clock, night={**night, "action": "delay"}) as one:
        one.manager.add_task(lambda: None, None, "t", overlap="allow", **options)
        for count, instant in enumerate(due, 1):
            one.advance((instant - to_datetime(clock.now())).total_seconds())
            eventually(lambda count=count: len(one.runs("t")) == count)  # type: ignore[misc]
            if count > 1:  # the first one waits: nothing may run while the clock is moved
                one.ended("t", count)
        runs = one.ended("t", 3)
        assert [to_datetime(run.fire_time or 0) for run in runs] == due
        assert {run.state for run in runs} == {State.SUCCEEDED}
        waits = [run.available_at - (run.fire_time or 0) for run in runs]
        assert waits == [30 * 60 * 1_000_000, 0, 0]
        for run in runs:
            assert (run.started_at or 0) >= run.available_at
        assert not one.manager.verify()


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ({"since": "2026-01-01"}, "windows.w: it is about no task"),
        ({"all": True}, "windows.w: it has no time"),
        ({"all": True, "crontab": "0 1 * * *"}, "windows.w.duration: is missing"),
        ({"all": True, "crontab": "0 99 * * *", "duration": 60}, "windows.w.crontab: crontab"),
        ({"all": True, "since": "2026-01-02", "until": "2026-01-01"}, "ends before it begins"),
        ({"all": True, "since": "soon"}, "windows.w.since: since='soon'"),
        ({"all": True, "since": "2026-01-01", "action": "delay"}, "windows.w.until: is missing"),
        ({"all": True, "since": "2026-01-01", "duration": 60}, "there is no crontab"),
        (
            {"all": True, "since": "2026-01-01", "crontab": "0 1 * * *", "duration": 60},
            "it has a crontab and a since or until",
        ),
    ],
)
def test_each_mistake_in_a_window_is_named_with_its_place(window: Any, said: str) -> None:
    settings = {"manager": {"ledger_url": "memory://"}, "windows": {"w": window}}
    with pytest.raises(ConfigError) as caught:
        _ = TaskManager(Xcorecfg.model_validate(settings)).services
    assert said in str(caught.value)
