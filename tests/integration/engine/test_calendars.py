"""Tasks with a calendar: what is skipped has its row, what moves runs on its new day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rota.config.calendars import CalendarSection
from rota.core.reasons import ReasonCode
from rota.core.run import Run, State
from rota.core.time import to_datetime
from rota.testing import FakeClock, Harness, eventually

EVE = datetime(2026, 12, 24, 8, 59, tzinfo=UTC)
"""A Thursday; Friday is Christmas Day, so that Monday is the next business day."""

CALENDARS = {"de": CalendarSection(country="DE", subdivision="BE")}


def harness(tmp_path: Path, clock: FakeClock) -> Harness:
    rig = Harness(tmp_path, clock)
    rig.manager.config.calendars = CALENDARS
    return rig


def add(rig: Harness, id: str = "t", trigger: str | None = None, **options: Any) -> None:
    rig.manager.add_task(lambda: None, trigger, id, calendar="de", **options)


def times_and_states(runs: list[Run]) -> list[tuple[str, State]]:
    return [(f"{to_datetime(run.fire_time or 0):%m-%d %H:%M}", run.state) for run in runs]


def test_each_skipped_occurrence_has_a_row_with_the_holidays_name(tmp_path: Path) -> None:
    with harness(tmp_path, FakeClock(EVE)) as rig:
        add(rig, crontab="0 9 * * *")
        for count in range(1, 6):
            rig.advance(60 if count == 1 else 86_400)
            runs = rig.ended("t", count)
        assert times_and_states(runs) == [
            ("12-24 09:00", State.SUCCEEDED),
            ("12-25 09:00", State.SKIPPED),
            ("12-26 09:00", State.SKIPPED),
            ("12-27 09:00", State.SKIPPED),
            ("12-28 09:00", State.SUCCEEDED),
        ]
        assert {run.reason_code for run in runs[1:4]} == {ReasonCode.CALENDAR}
        assert runs[1].reason == "2026-12-25 is Christmas Day (calendar de)"
        assert runs[3].reason == "2026-12-27 is a Sunday (weekend of calendar de)"
        assert not rig.manager.verify()


def test_the_next_run_is_one_that_will_happen(tmp_path: Path) -> None:
    with harness(tmp_path, FakeClock(EVE + timedelta(1))) as rig:
        add(rig, crontab="0 9 * * *")
        task = rig.manager.get_task("t")
        assert task is not None
        assert task.next_run == datetime(2026, 12, 28, 9, tzinfo=UTC)
        skipped = rig.manager.skip_next("t")
        assert skipped == datetime(2026, 12, 28, 9, tzinfo=UTC)


@pytest.mark.parametrize("roll", ["next", "modified_following"])
def test_what_moves_runs_once_and_keeps_its_nominal_time(tmp_path: Path, roll: str) -> None:
    with harness(tmp_path, FakeClock(EVE)) as rig:
        add(rig, crontab="0 9 * * fri,sat", roll=roll)
        rig.advance(60)
        rig.advance(4 * 86_400)
        (run,) = rig.ended("t")
        assert times_and_states([run]) == [("12-28 09:00", State.SUCCEEDED)]
        assert to_datetime(run.nominal_time or 0) == datetime(2026, 12, 25, 9, tzinfo=UTC)
        assert not rig.manager.verify()


def test_a_downtime_over_holidays_runs_the_last_business_day_and_leaves_no_hole(
    tmp_path: Path,
) -> None:
    clock = FakeClock(EVE)
    with harness(tmp_path, clock) as rig:
        add(rig, crontab="0 9 * * *", catchup_window=30 * 86_400)
    clock.advance(3.5 * 86_400)  # on Sunday the 27th
    with harness(tmp_path, clock) as rig:
        add(rig, crontab="0 9 * * *", catchup_window=30 * 86_400)
        runs = rig.ended("t", 4)
        assert times_and_states(runs)[1:] == [
            (f"12-{day} 09:00", State.SKIPPED) for day in (25, 26, 27)
        ]
        assert {run.reason_code for run in runs[1:]} == {ReasonCode.CALENDAR}
        rig.advance(1 * 86_400)
        assert times_and_states(rig.ended("t", 5))[4:] == [("12-28 09:00", State.SUCCEEDED)]
        assert not rig.manager.verify()


def test_a_long_downtime_counts_what_the_calendar_skipped_with_what_is_too_old(
    tmp_path: Path,
) -> None:
    clock = FakeClock(EVE)
    with harness(tmp_path, clock) as rig:
        add(rig, "minutely", minutes=1, trigger="interval")
    clock.advance(5 * 86_400)
    with harness(tmp_path, clock) as rig:
        add(rig, "minutely", minutes=1, trigger="interval")
        eventually(lambda: any(run.state is State.SUCCEEDED for run in rig.runs()))
        eventually(lambda: sum(run.count for run in rig.runs()) >= 5 * 1_440)
        assert not rig.manager.verify()


def test_an_edit_may_name_a_calendar_and_is_read_by_other_nodes(tmp_path: Path) -> None:
    clock = FakeClock(EVE)
    with harness(tmp_path, clock) as rig:
        add(rig, crontab="0 9 * * *")
        rig.manager.edit_task(
            "t", trigger_args={"crontab": "0 9 * * *", "calendar": "de", "roll": "only"}
        )
        with Harness(tmp_path, clock) as other:  # it knows no calendar of that name
            other.manager.add_task(lambda: None, "cron", "t", crontab="0 9 * * *")
            eventually(lambda: _next(other) == datetime(2026, 12, 25, 9, tzinfo=UTC))


def _next(rig: Harness) -> datetime | None:
    task = rig.manager.get_task("t")
    return None if task is None else task.next_run
