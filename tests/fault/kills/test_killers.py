"""A task that kills its own node from a thread, again and again, while something restarts it."""

from __future__ import annotations

import signal
from functools import partial

from rota.core.run import State
from rota.core.time import SECOND
from tests.fault.journal import PRELUDE
from tests.fault.kills.scene import Scene
from tests.integration.cli.project import Up, until

TASKS = (
    PRELUDE
    + """
@rota.task("cron", second="*")
def killer():
    os._exit(9)


@rota.task("cron", second="*")
async def neighbour():
    tell("began")
    tell("ended")
"""
)


def test_a_task_that_killed_three_workers_is_paused_and_its_neighbour_runs(scene: Scene) -> None:
    scene = Scene(scene.project.path, scene.ledger, TASKS)
    deaths = 0
    while deaths < 10:
        with scene.up() as node:
            until(partial(_is_over, scene, node))
            if _is_paused(scene):
                node.ready()
                until(lambda: _succeeded_since_pause(scene) > 3)
                node.send(signal.SIGTERM)
                assert node.ends() == 0, node.output
                break
            deaths += 1
    task = scene.ledger.history.task("killer")
    assert deaths == 3
    assert "died 3 times in a row (max_crashes=3)" in task.pause_reason
    assert scene.ledger.history.task("neighbour").paused_since is None
    shown = scene.project.rota("show", "killer").stdout
    assert "died 3 times in a row" in shown
    assert not [run for run in scene.runs() if run.state in (State.QUEUED, State.RUNNING)]


def _is_over(scene: Scene, node: Up) -> bool:
    return node.process.poll() is not None or _is_paused(scene)


def _is_paused(scene: Scene) -> bool:
    tasks = {task.record.id: task for task in scene.ledger.history.tasks()}
    return "killer" in tasks and tasks["killer"].paused_since is not None


def _succeeded_since_pause(scene: Scene) -> int:
    since = scene.ledger.history.task("killer").paused_since or 0
    runs = [run for run in scene.runs() if run.task_id == "neighbour"]
    return sum(run.state is State.SUCCEEDED and run.created_at > since - SECOND for run in runs)
