"""One row that cannot be dealt with ends by itself; all others go on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rota.core.ids import RunIds
from rota.core.ports.records import NewRun
from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import NO_REASON
from rota.core.run import Cause, Run, State
from rota.core.task import Overlap
from rota.core.time import DAY, Instant
from rota.testing import Harness, eventually

FAR: Instant = 4_000_000 * DAY
"""Past the year 9999."""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Harness]:
    with Harness(tmp_path) as rig:
        for task_id, options in (("bad", {}), ("late", {"start_deadline": 60}), ("good", {})):
            rig.manager.add_task(
                lambda **_: 1, "date", task_id, run_date="2100-01-01", overlap="allow", **options
            )
        rig.manager.services.engine.settle_registrations()
        yield rig


def planned(rig: Harness, task_id: str = "bad", **changes: Any) -> NewRun:
    now = rig.clock.now()
    run = NewRun(
        id=RunIds().new(now),
        task_id=task_id,
        fire_time=None,
        cause=Cause.MANUAL,
        state=State.QUEUED,
        reason=NO_REASON,
        available_at=now + DAY,  # so that it can be damaged before
        created_at=now,
        overlap=Overlap.ALLOW,
    )._replace(**changes)
    rig.manager.services.ledger.write(lambda tx: tx.plan([run])).result()
    return run


def after_its_time(rig: Harness, *runs: NewRun) -> list[Run]:
    """Return what becomes of them, once a good run of the same moment has succeeded."""
    good = planned(rig, "good")
    rig.advance(DAY / 1_000_000)
    eventually(lambda: rig.manager.get_run(good.id).state is State.SUCCEEDED)
    eventually(lambda: all(rig.manager.get_run(run.id).finished_at for run in runs))
    return [rig.manager.get_run(run.id) for run in runs]


def test_arguments_that_are_no_names_with_values(rig: Harness) -> None:
    bad = [planned(rig, arguments=value) for value in (["Ada"], "Ada", 7)]
    for run in after_its_time(rig, *bad):
        assert (run.state, run.reason_code) == (State.FAILED, ReasonCode.UNSTARTABLE), run
        assert "its row is damaged: column arguments" in run.reason
        assert run.attempt == 0


def test_a_checkpoint_that_is_no_json(rig: Harness, tmp_path: Path) -> None:
    bad = planned(rig)
    with sqlite3.connect(tmp_path / "rota.db") as database:
        database.execute("UPDATE runs SET checkpoint = '{nope' WHERE id = ?", [bad.id])
    (run,) = after_its_time(rig, bad)
    assert (run.state, run.reason_code) == (State.FAILED, ReasonCode.UNSTARTABLE)
    assert "row is damaged" in run.reason


def test_an_instant_that_cannot_be(rig: Harness) -> None:
    bad = planned(rig, "late", fire_time=-FAR, cause=Cause.SCHEDULE)
    (run,) = after_its_time(rig, bad)
    assert (run.state, run.reason_code) == (State.FAILED, ReasonCode.UNSTARTABLE)


def test_an_executor_that_does_not_take_it(rig: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = rig.manager.services.engine.executors["thread"]
    submit = threads.submit

    def picky(calls: Any, done: Any) -> None:
        if any(call.task_id == "bad" for call in calls):
            raise OSError("no thread to be had")
        submit(calls, done)

    monkeypatch.setattr(threads, "submit", picky)
    run_id = rig.manager.run_task("bad")
    eventually(lambda: rig.manager.get_run(run_id).finished_at)
    run = rig.manager.get_run(run_id)
    assert (run.state, run.reason_code) == (State.FAILED, ReasonCode.UNSTARTABLE)
    assert "no thread to be had" in run.reason
    good = rig.manager.run_task("good")
    eventually(lambda: rig.manager.get_run(good).state is State.SUCCEEDED)


def test_an_end_that_the_database_refuses(rig: Harness, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "rota.db") as database:
        database.execute(
            "CREATE TRIGGER picky BEFORE UPDATE ON runs"
            " WHEN NEW.state = 'succeeded' AND NEW.task_id = 'bad'"
            " BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    bad, good = rig.manager.run_task("bad"), rig.manager.run_task("good")
    eventually(lambda: rig.manager.get_run(good).state is State.SUCCEEDED)
    eventually(lambda: rig.manager.get_run(bad).finished_at)
    run = rig.manager.get_run(bad)
    assert run.state is State.FAILED
    assert "could not be recorded" in run.reason
    assert "not this one" in run.reason
    eventually(lambda: rig.manager.services.engine.recorder.is_idle)
