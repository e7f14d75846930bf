"""SIGSTOP of an owner past its lease, then SIGCONT: the other took over, the woken one is void."""

from __future__ import annotations

import signal

import psutil

from rota.core.outcome import OutcomeKind
from rota.core.run import State
from rota.core.time import SECOND
from tests.fault.kills.scene import LEASE, Scene
from tests.integration.cli.project import until


def test_a_node_frozen_in_the_middle_of_a_run_loses_it_to_another(shared: Scene) -> None:
    history = shared.ledger.history
    with shared.up() as one:
        one.ready()
        run_id = shared.project.rota("run", "hold").stdout.strip()
        until(lambda: history.logs(run_id))
        with shared.up() as other:
            other.ready()
            shared.freeze(one)
            free = shared.clock.now()  # it may have held SQLite's lock until then
            frozen = history.run(run_id)
            until(lambda: shared.journal_of("began", run_id, 2))
            (lease,) = [one.lease_until for one in history.nodes() if one.id == frozen.node]
            taken = history.run(run_id)
            lines = [line for line in history.logs(run_id) if line.attempt == 1]
            one.send(signal.SIGCONT)
            one.says("declared this node gone")
            until(lambda: len([node for node in history.nodes() if node.state == "up"]) == 2)
            shared.project.touch("let-go")
            shared.quiet()
    (crashed, good) = history.attempts(run_id)
    assert (crashed.outcome, crashed.node) == (OutcomeKind.CRASHED, frozen.node)
    assert crashed.finished_at - max(lease, free) < 10 * SECOND, "taken over late"
    assert (good.outcome, good.node) == (OutcomeKind.SUCCEEDED, taken.node)
    assert [line for line in history.logs(run_id) if line.attempt == 1] == lines
    assert history.run(run_id).fence == taken.fence
    shared.journal.agrees_with(shared.runs())


def test_after_its_claim_and_before_it_began(shared: Scene) -> None:
    history = shared.ledger.history
    with shared.struck("claim committed", "SIGSTOP") as one:
        until(lambda: psutil.Process(one.process.pid).status() == psutil.STATUS_STOPPED)
        claimed = max(shared.running(), key=lambda run: run.attempt_started_at or 0)
        with shared.up() as other:
            other.ready()
            until(lambda: history.run(claimed.id).state is State.SUCCEEDED)
            one.send(signal.SIGCONT)
            one.says("declared this node gone")
            until(lambda: len([node for node in history.nodes() if node.state == "up"]) == 2)
            shared.quiet()
    began = shared.journal_of("began", claimed.id, claimed.attempt)
    assert not began, "the woken one began what is not its own"
    assert history.run(claimed.id).attempt > claimed.attempt
    shared.journal.agrees_with(shared.runs())


def test_a_frozen_node_without_others_continues_its_run(scene: Scene) -> None:
    with scene.up() as node:
        node.ready()
        run_id = scene.project.rota("run", "hold").stdout.strip()
        until(lambda: scene.journal_of("began", run_id, 1))
        lease = scene.ledger.history.nodes()[0].lease_until
        scene.freeze(node)
        until(lambda: scene.clock.now() > lease + LEASE * SECOND / 3)
        node.send(signal.SIGCONT)
        scene.project.touch("let-go")
        scene.quiet()
    run = scene.ledger.history.run(run_id)
    assert (run.state, run.attempt) == (State.SUCCEEDED, 1)
    assert [one.state for one in scene.ledger.history.nodes()] == ["up"]
