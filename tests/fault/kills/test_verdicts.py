"""Occurrences that fall due after a node's death and before the others know of it."""

from __future__ import annotations

import signal
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rota.core.run import Run, State
from rota.core.time import SECOND, Instant, to_iso
from tests.fault.journal import PRELUDE
from tests.fault.kills.scene import Scene
from tests.integration.cli.project import Up, until

TASKS = (
    PRELUDE
    + '''
@rota.task("cron", second="*", max_retries=0)
def each():
    """Goes on where its node is told to hold it."""
    tell("began")
    while os.path.exists(f"hold-{os.getpid()}"):
        time.sleep(0.02)
    tell("ended")
'''
)


def elsewhere(scene: Scene) -> AbstractContextManager[Up]:
    node = Path(__file__).with_name("elsewhere.py")
    return scene.project.up("--port", "0", command=(sys.executable, str(node), "up"))


@pytest.mark.parametrize("on_another_host", [False, True])
def test_no_occurrence_is_skipped_for_a_run_of_a_dead_node(
    shared: Scene, on_another_host: bool
) -> None:
    scene = Scene(shared.project.path, shared.ledger, TASKS)
    with elsewhere(scene) if on_another_host else scene.up() as doomed:
        doomed.ready()
        scene.project.touch(f"hold-{doomed.process.pid}")
        until(lambda: bool(scene.running()) and _is_held(scene))
        with scene.up() as other:
            other.ready()
            until(lambda: len(scene.ledger.history.nodes()) == 2)
            killed_at = scene.clock.now()
            doomed.send(signal.SIGKILL)
            doomed.ends()
            dead_at = scene.clock.now()
            until(lambda: _taken_over(scene) is not None)
            until(lambda: len(_of(scene, _taken_over(scene) or 0, State.SUCCEEDED)) > 1)
    noticed = _noticed(scene)
    unheard = [run for run in _of(scene, since=dead_at) if (run.fire_time or 0) < noticed]
    assert not [run for run in unheard if "still running" in run.reason], _lines(scene)
    if on_another_host:  # here, its death is noticed within half a second
        # An occurrence of the last moments before waits too, where its node was not heard since.
        near = [run for run in _of(scene, killed_at - 2 * SECOND) if (run.fire_time or 0) < noticed]
        assert any(run.state is State.SUCCEEDED and run.attempt == 1 for run in near), near


def _is_held(scene: Scene) -> bool:
    """Say whether an occurrence was skipped beside the run that holds."""
    return any(run.state is State.SKIPPED for run in scene.runs())


def _taken_over(scene: Scene) -> Instant | None:
    """Return when the run that the dead node held was attempted again."""
    return next((run.attempt_started_at for run in scene.runs() if run.attempt == 2), None)


def _noticed(scene: Scene) -> Instant:
    """Return when the death of the node was noticed: then, the run that it held had crashed."""
    [again] = [run for run in scene.runs() if run.attempt == 2]
    return scene.ledger.history.attempts(again.id)[0].finished_at


def _lines(scene: Scene) -> str:
    return "\n".join(
        f"{to_iso(run.fire_time or 0)} {run.state} attempt {run.attempt}"
        f" since {to_iso(run.attempt_started_at or 0)} on {run.node}: {run.reason}"
        for run in scene.runs()
    )


def _of(scene: Scene, since: Instant, *states: State) -> list[Run]:
    """Return the occurrences since an instant."""
    return [
        run
        for run in scene.runs()
        if (run.fire_time or 0) > since and (not states or run.state in states)
    ]
