"""Past occurrences that are done again, from the call to the record."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import rota
from rota.core.run import State
from rota.core.time import to_datetime
from rota.errors import DefinitionError, StateError
from rota.testing import Harness, eventually


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Harness]:
    with Harness(tmp_path) as rig:
        yield rig


def fetch(day: str = "") -> dict[str, Any]:
    run = rota.current_run()
    around = [run.previous_fire_time, run.fire_time, run.next_fire_time]
    return {"times": [str(one) for one in around], "replay": run.replay, "day": day}


def now(rig: Harness) -> datetime:
    return to_datetime(rig.clock.now())


def done(rig: Harness, run_ids: list[str]) -> list[Any]:
    """The results of runs, in the order of their starts."""
    for run_id in run_ids:
        rig.manager.services.engine.wait_for(run_id)
    runs = [rig.manager.get_run(run_id) for run_id in run_ids]
    assert {run.state for run in runs} == {State.SUCCEEDED}, [run.reason for run in runs]
    return [run.result for run in runs]


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_a_backfill_runs_past_occurrences_with_their_own_times(rig: Harness, executor: str) -> None:
    rig.manager.add_task(fetch, "cron", "fetch", minute=0, executor=executor)
    since = now(rig).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    planned = rig.manager.backfill("fetch", since, dry_run=True)
    assert planned[:3] == [since + timedelta(hours=place) for place in range(3)]

    run_ids = rig.manager.backfill("fetch", since, since + timedelta(hours=2))

    results = done(rig, run_ids)
    hours = [str(since + timedelta(hours=place)) for place in (-1, 0, 1, 2)]
    assert [one["times"] for one in results] == [hours[:3], hours[1:]]
    assert [one["replay"] for one in results] == [1, 1]
    runs = [rig.manager.get_run(run_id) for run_id in run_ids]
    assert [run.cause for run in runs] == ["backfill"] * 2
    assert rig.manager.verify() == []


def test_a_range_with_more_than_the_limit_runs_nothing(rig: Harness) -> None:
    rig.manager.add_task(fetch, "cron", "fetch", minute=0)
    since = now(rig) - timedelta(hours=5, seconds=1)
    with pytest.raises(StateError, match="more than 4 occurrences"):
        rig.manager.backfill("fetch", since, limit=4)
    assert rig.runs("fetch") == []
    plan = rig.manager.plan_backfill("fetch", since, limit=4)
    assert (len(plan.occurrences), plan.more) == (4, True)


@pytest.mark.parametrize(
    ("start", "given", "where"),
    [
        (timedelta(hours=1), {}, "start"),
        (timedelta(hours=-2), {"limit": 0}, "limit"),
        (timedelta(hours=-2), {"limit": True}, "limit"),
        (timedelta(hours=-2), {"parallel": 0}, "parallel"),
        (timedelta(hours=-2), {"parallel": 2}, "parallel"),
    ],
)
def test_a_backfill_that_is_wrong_runs_nothing(
    rig: Harness, start: timedelta, given: dict[str, Any], where: str
) -> None:
    rig.manager.add_task(fetch, "cron", "fetch", minute=0)
    with pytest.raises((DefinitionError, StateError)) as raised:
        rig.manager.backfill("fetch", now(rig) + start, **given)
    assert raised.value.where == where
    assert raised.value.remedy
    assert rig.runs("fetch") == []


def test_a_job_has_nothing_to_backfill(rig: Harness) -> None:
    rig.manager.add_task(fetch, id="fetch")
    with pytest.raises(StateError, match="no times of its own"):
        rig.manager.backfill("fetch", now(rig) - timedelta(days=1))


def test_a_paused_task_is_backfilled_only_by_force(rig: Harness) -> None:
    rig.manager.add_task(fetch, "cron", "fetch", minute=0)
    rig.manager.pause_task("fetch")
    since = now(rig) - timedelta(hours=2)
    with pytest.raises(StateError, match="paused"):
        rig.manager.backfill("fetch", since)
    assert len(done(rig, rig.manager.backfill("fetch", since, force=True))) == 2


def test_a_repeated_backfill_makes_no_double(rig: Harness) -> None:
    rig.manager.add_task(fetch, "cron", "fetch", minute=0)
    rig.manager.services.engine.settle_registrations()
    since = now(rig) - timedelta(hours=3)
    first = rig.manager.backfill("fetch", since)
    done(rig, first)
    assert rig.manager.backfill("fetch", since, missing=True) == []
    again = rig.manager.backfill("fetch", since)
    assert [one["replay"] for one in done(rig, again)] == [2, 2, 2]
    assert len(rig.runs("fetch")) == 6
    assert rig.manager.verify() == []


def test_replays_that_may_overlap_run_as_many_at_once_as_asked(rig: Harness) -> None:
    rig.manager.add_task(fetch, "cron", "fetch", minute=0, overlap="allow")
    since = now(rig) - timedelta(hours=4)
    run_ids = rig.manager.backfill("fetch", since, parallel=2)
    done(rig, run_ids)
    runs = [rig.manager.get_run(run_id) for run_id in run_ids]
    assert all(run.exclusive for run in runs)


def test_a_run_is_done_again_with_its_time_and_arguments(rig: Harness) -> None:
    rig.manager.add_task(fetch, "interval", "fetch", seconds=60, kwargs={"day": "monday"})
    rig.advance(60)
    (first,) = rig.ended("fetch")
    again = rig.manager.rerun(first.id, reason="lost data")
    (result,) = done(rig, [again])
    assert (result["times"], result["day"]) == (first.result["times"], "monday")
    assert (first.result["replay"], result["replay"]) == (None, 1)
    assert [
        run.id for run in rig.manager.history.runs_of_occurrences("fetch", [first.fire_time or 0])
    ] == [first.id, again]
    (third,) = done(rig, [rig.manager.rerun(again)])
    assert third["replay"] == 2
    assert rig.manager.verify() == []


def test_a_manual_run_has_no_occurrence_to_do_again(rig: Harness) -> None:
    rig.manager.add_task(fetch, "cron", "fetch", minute=0)
    (run,) = [rig.manager.run_task("fetch")]
    done(rig, [run])
    with pytest.raises(StateError, match="started manually"):
        rig.manager.rerun(run)


opened = threading.Event()


def waits() -> None:
    assert opened.wait(60)


def test_a_rerun_while_one_runs_is_that_one(rig: Harness) -> None:
    rig.manager.add_task(waits, "interval", "waits", seconds=60)
    opened.clear()
    rig.advance(60)
    (run,) = eventually(lambda: rig.runs("waits"))
    with pytest.raises(StateError, match="same occurrence is"):
        rig.manager.rerun(run.id)
    opened.set()
    rig.ended("waits")
    opened.clear()
    again = rig.manager.rerun(run.id)
    assert rig.manager.rerun(run.id) == again
    opened.set()
    assert len(rig.ended("waits", 2)) == 2


def loads() -> list[Any]:
    before = rota.current_run().upstream["fetch"]
    return [before.id, str(rota.current_run().fire_time)]


def test_a_rerun_starts_the_tasks_after_it_only_if_asked_to(rig: Harness) -> None:
    rig.manager.add_task(fetch, "interval", "fetch", seconds=60)
    rig.manager.add_task(loads, "after", "load", tasks=["fetch"])
    rig.advance(60)
    (first,), (loaded,) = rig.ended("fetch"), rig.ended("load")
    done(rig, [rig.manager.rerun(first.id)])
    assert len(rig.ended("load")) == 1
    (again,) = done(rig, [rig.manager.rerun(loaded.id)])
    assert again == loaded.result
    done(rig, [rig.manager.rerun(first.id, downstream=True)])
    assert len(rig.ended("load", 3)) == 3
    assert rig.manager.verify() == []


def test_a_backfill_is_not_missed_for_its_start_deadline(rig: Harness) -> None:
    rig.manager.add_task(fetch, "cron", "fetch", minute=0, start_deadline=1)
    done(rig, rig.manager.backfill("fetch", now(rig) - timedelta(hours=2)))
