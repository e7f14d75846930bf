"""Killed between the end of an upstream run and the start of the run after it: it runs, once."""

from __future__ import annotations

import signal

import pytest

from rota.core.reasons import ReasonCode
from rota.core.run import FINAL, Run, State
from tests.fault.journal import PRELUDE
from tests.fault.kills.scene import Scene
from tests.integration.cli.project import until

TASKS = (
    PRELUDE
    + """
@rota.task("cron", second="*/2", overlap="queue", queue_limit=100)
def extract():
    tell("began")
    tell("ended")
    return 7


@rota.task(after="extract", overlap="queue", queue_limit=100)
def load():
    tell("began")
    assert rota.current_run().upstream["extract"].result == 7
    tell("ended")
"""
)


@pytest.mark.parametrize("moment", ["settle written", "settle committed"])
def test_each_upstream_end_has_one_run_after_it(shared: Scene, moment: str) -> None:
    scene = Scene(shared.project.path, shared.ledger, TASKS)

    def of(task_id: str) -> list[Run]:
        return [run for run in scene.runs() if run.task_id == task_id]

    with scene.struck(moment, "SIGKILL") as node:
        assert node.ends() == -signal.SIGKILL, node.output
    assert len(of("load")) == len([run for run in of("extract") if run.state in FINAL])
    with scene.up() as node:
        node.ready()
        until(lambda: len([run for run in of("load") if run.state is State.SUCCEEDED]) >= 2)
        now = scene.clock.now()
        scene.ledger.write(lambda tx: tx.pause("extract", now, None, "enough")).result()
        until(lambda: not scene.ledger.history.counts(0).busy)

    # What was missed in the downtime is skipped after it; what the pause took back has not ended.
    expected = {
        (run.fire_time, run.id, "succeeded" if run.state is State.SUCCEEDED else "skipped")
        for run in of("extract")
        if run.reason_code is not ReasonCode.PAUSED
    }
    loads = of("load")
    assert len(loads) == len(expected)
    assert {
        (run.fire_time, (run.upstream or {})["extract"], run.state) for run in loads
    } == expected
