"""SIGKILL of a node: at the worst moments, and at any."""

from __future__ import annotations

import random
import signal
import threading

import pytest

from rota.core.run import FINAL
from rota.core.time import SECOND
from tests.fault.effort import effort
from tests.fault.kills.scene import Scene
from tests.integration.cli.project import until

MOMENTS = ["plan committed", "claim committed", "settle written", "settle committed"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_at_the_worst_moment(scene: Scene, moment: str) -> None:
    with scene.struck(moment, "SIGKILL") as node:
        assert node.ends() == -signal.SIGKILL, node.output
    cut_off = [run.id for run in scene.runs() if run.state not in FINAL]
    with scene.up() as node:
        node.ready()
        until(lambda: all(scene.ledger.history.run(one).state in FINAL for one in cut_off))
        scene.quiet()
    scene.journal.agrees_with(scene.runs())


def test_a_node_killed_at_any_moment_loses_and_repeats_nothing(scene: Scene) -> None:
    for _ in range(effort(3, 100)):
        with scene.up() as node:
            node.ready()
            threading.Event().wait(random.uniform(0, 1.5))
            node.send(signal.SIGKILL)
            node.ends()
    with scene.up() as node:
        node.ready()
        scene.quiet()
    scene.journal.agrees_with(scene.runs())


def test_a_living_node_takes_over_from_a_killed_one(shared: Scene) -> None:
    with shared.up() as one:
        one.ready()
        run_id = shared.project.rota("run", "hold").stdout.strip()
        until(lambda: shared.journal_of("began", run_id, 1))
        with shared.up() as other:
            other.ready()
            one.send(signal.SIGKILL)
            killed = shared.ledger.history.run(run_id)
            until(lambda: shared.journal_of("began", run_id, 2))
            shared.project.touch("let-go")
            shared.quiet()
    shared.journal.agrees_with(shared.runs())
    (again,) = shared.journal_of("began", run_id, 2)
    last_line = max(line.at for line in shared.ledger.history.logs(run_id) if line.attempt == 1)
    assert again.at - last_line < 3 * SECOND, "noticed by its process, not by its lease"
    assert killed.node != shared.ledger.history.run(run_id).node
