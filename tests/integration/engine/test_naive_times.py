"""A time without a zone is one in the task's, else in that of the manager, at every door."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import rota
from rota.core.time import to_datetime
from rota.errors import DefinitionError, StateError
from rota.testing import Harness

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
NOON = datetime(2024, 6, 1, 12)


def work() -> None:
    """Do nothing."""


@pytest.fixture(autouse=True)
def machine_elsewhere() -> Iterator[None]:
    """Have the machine's own zone mean nothing."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Harness]:
    """Return a manager in Berlin with a task there and one in Tokyo."""
    with Harness(tmp_path, timezone="Europe/Berlin") as rig:
        rig.manager.add_task(work, "cron", "berlin", hour=12)
        rig.manager.add_task(work, "cron", "tokyo", hour=12, timezone="Asia/Tokyo")
        yield rig


@pytest.mark.parametrize(("id", "zone"), [("berlin", BERLIN), ("tokyo", TOKYO)])
def test_a_pause_ends_in_the_tasks_zone(rig: Harness, id: str, zone: ZoneInfo) -> None:
    rig.manager.pause_task(id, until=NOON)
    paused = rig.manager.get_task(id)
    assert paused is not None
    assert paused.paused_until == NOON.replace(tzinfo=zone)


@pytest.mark.parametrize("trigger", ["date", "interval", "cron"])
@pytest.mark.parametrize(("options", "zone"), [({}, BERLIN), ({"timezone": "Asia/Tokyo"}, TOKYO)])
@pytest.mark.parametrize("form", [NOON, "2024-06-01 12:00"])
def test_dates_of_triggers_are_in_the_tasks_zone(
    rig: Harness, trigger: str, options: dict[str, Any], zone: ZoneInfo, form: object
) -> None:
    args = {
        "date": {"run_date": form},
        "interval": {"hours": 1, "start_date": form},
        "cron": {"second": "*", "start_date": form},
    }[trigger]
    task = rig.manager.add_task(work, trigger, "dated", **args, **options)
    assert task.next_run == NOON.replace(tzinfo=zone)


def test_the_end_of_a_trigger_is_in_the_tasks_zone(rig: Harness) -> None:
    task = rig.manager.add_task(
        work, "cron", "ending", hour=12, timezone="Asia/Tokyo", start_date=NOON, end_date=NOON
    )
    assert task.next_run == NOON.replace(tzinfo=TOKYO)


@pytest.mark.parametrize(("id", "zone"), [("berlin", BERLIN), ("tokyo", TOKYO)])
def test_the_occurrence_to_skip_is_named_in_the_tasks_zone(
    rig: Harness, id: str, zone: ZoneInfo
) -> None:
    task = rig.manager.get_task(id)
    assert task is not None
    assert task.next_run is not None
    local = task.next_run.astimezone(zone).replace(tzinfo=None)
    with pytest.raises(StateError):
        rig.manager.skip_next(id, at=local + timedelta(hours=1))
    assert rig.manager.skip_next(id, at=local) == task.next_run


def test_runs_are_found_by_local_times(rig: Harness) -> None:
    run = rig.manager.get_run(rig.manager.run_task("tokyo"))
    made = datetime.fromtimestamp(run.created_at / 1_000_000, UTC)
    second = timedelta(seconds=1)
    for id, zone in (("tokyo", TOKYO), (None, BERLIN)):
        local = made.astimezone(zone).replace(tzinfo=None)
        found = rig.manager.runs(task_id=id, since=local - second, until=local + second)
        assert [one.id for one in found] == [run.id]
        assert not list(rig.manager.runs(task_id=id, since=local + second))
        assert not list(rig.manager.runs(task_id=id, until=local - second))


def test_a_preview_begins_in_the_zone_of_its_trigger() -> None:
    for name, zone in (("UTC", UTC), ("Asia/Tokyo", TOKYO)):
        [found] = rota.preview("cron", {"minute": "*"}, after=NOON, count=1, timezone=name)
        assert found == NOON.replace(tzinfo=zone) + timedelta(minutes=1)
    inside = {"minute": "*", "timezone": "Asia/Tokyo"}
    [found] = rota.preview("cron", inside, after=NOON, count=1, timezone="Europe/Berlin")
    assert found == NOON.replace(tzinfo=TOKYO) + timedelta(minutes=1)


def test_an_aware_time_is_what_it_says(rig: Harness) -> None:
    rig.manager.pause_task("tokyo", until=NOON.replace(tzinfo=UTC))
    paused = rig.manager.get_task("tokyo")
    assert paused is not None
    assert paused.paused_until == NOON.replace(tzinfo=UTC)
    with pytest.raises(DefinitionError, match="until: "):
        rig.manager.pause_task("tokyo", until=datetime(1, 1, 1))
    with pytest.raises(DefinitionError, match="neither a text"):
        rig.manager.pause_task("tokyo", until=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("ago", [0, 1, 86_400])
def test_a_pause_whose_end_has_passed_is_refused(rig: Harness, ago: int) -> None:
    now = to_datetime(rig.clock.now())
    rig.manager.pause_task("tokyo", until=now + timedelta(hours=1))
    with pytest.raises(DefinitionError, match=r"until: .* is past") as refused:
        rig.manager.pause_task("tokyo", until=now - timedelta(seconds=ago))
    assert "resume" in refused.value.remedy
    task = rig.manager.get_task("tokyo")
    assert task is not None
    assert task.paused_until == now + timedelta(hours=1)
