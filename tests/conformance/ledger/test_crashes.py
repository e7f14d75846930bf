"""A task whose workers die again and again is paused, and its neighbours are not."""

from __future__ import annotations

from pathlib import Path

from rota.core.audit import AuditFilter, Verb
from rota.core.lifecycle import Settlement
from rota.core.outcome import OutcomeKind
from rota.core.ports.ledger import Transaction
from rota.core.ports.records import AttemptEnd, Claim, Orphan
from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import RunReason
from rota.core.run import Attempt, State
from rota.core.task import Overlap, Policy
from rota.core.time import SECOND
from tests.conformance.ledger.desk import NOON, Desk, record
from tests.integration.verifying.sound import damaged


def on(desk: Desk, node: str, *task_ids: str) -> list[Claim]:
    """A run of each of the tasks on a node, each begun a second after the one before."""
    claims = []
    for task_id in task_ids:
        desk.clock.move(1)
        claims.append(desk.running(task_id, fire_time=desk.now, overlap=Overlap.SKIP, node=node))
    return claims


def dies(desk: Desk, node: str) -> list[Orphan]:
    """A node dies, and another one takes over what it had; returns what it judged."""
    desk.clock.move(30)
    now, judged = desk.now, []

    def judge(orphan: Orphan) -> AttemptEnd:
        judged.append(orphan)
        run = orphan.run
        attempt = Attempt(run.id, run.attempt, node, now, now, OutcomeKind.CRASHED, error="gone")
        settlement = Settlement(
            State.QUEUED, RunReason(None, "gone"), 0, run.crashes + 1, available_at=now
        )
        return AttemptEnd(attempt, run.fence, settlement)

    gone = [one for one in desk.history.nodes() if one.id == node]
    desk.do(lambda tx: tx.reap(judge, gone, now=now))
    return judged


def cancel_all(desk: Desk) -> None:
    active = desk.active()

    def cancel(tx: Transaction) -> None:
        for run in active:
            tx.cancel(run.id, "enough", desk.now)

    desk.do(cancel)


def again(desk: Desk, node: str, *run_ids: str) -> None:
    desk.clock.move(1)
    taken = {claim.run_id for claim in desk.claim(node)}
    assert set(run_ids) <= taken


def test_after_max_crashes_in_a_row_it_is_paused_with_the_reason(desk: Desk) -> None:
    desk.register(record("k"), record("other"))
    (claim,) = on(desk, "n1", "k")
    dies(desk, "n1")
    again(desk, "n2", claim.run_id)
    dies(desk, "n2")
    assert desk.history.task("k").paused_since is None
    again(desk, "n3", claim.run_id)
    dies(desk, "n3")
    task = desk.history.task("k")
    assert task.paused_since == desk.now
    assert task.paused_until is None
    assert "died 3 times in a row (max_crashes=3)" in task.pause_reason
    run = desk.run(claim.run_id)
    assert (run.state, run.reason_code) == (State.FAILED, ReasonCode.QUARANTINED)
    assert desk.claim("n4") == []
    (change,) = desk.history.audit(AuditFilter(task_id="k", verbs={Verb.PAUSE})).changes
    assert change.who == "rota"
    assert change.reason == task.pause_reason
    assert desk.history.task("other").paused_since is None


def test_crashes_of_different_runs_count_together(desk: Desk) -> None:
    desk.register(record("k", policy=Policy(max_crashes=2)))
    for node in ("n1", "n2"):
        on(desk, node, "k")
        dies(desk, node)
        cancel_all(desk)
    assert desk.history.task("k").paused_since is not None


def test_what_waits_of_it_is_cancelled_and_says_why(desk: Desk) -> None:
    desk.register(record("k", policy=Policy(max_crashes=1)))
    on(desk, "n1", "k")
    (waiting,) = desk.plan(desk.new("k"))
    dies(desk, "n1")
    run = desk.run(waiting.run_id)
    assert (run.state, run.reason_code) == (State.CANCELLED, ReasonCode.PAUSED)
    assert "died 1 time in a row" in run.reason


def test_an_attempt_that_its_worker_outlived_ends_the_row(desk: Desk) -> None:
    desk.register(record("k", policy=Policy(max_crashes=2)))
    for node in ("n1", "n2", "n3"):
        (claim,) = on(desk, node, "k")
        dies(desk, node)
        (retried,) = desk.claim("living")
        assert retried.run_id == claim.run_id
        desk.settle(desk.ending(retried), node="living")
        assert desk.history.task("k").paused_since is None


def test_a_crowd_on_one_dead_node_is_one_crash(desk: Desk) -> None:
    desk.register(record("k", policy=Policy(max_crashes=2)))
    for _ in range(5):
        desk.running("k", node="n1")
    dies(desk, "n1")
    assert desk.history.task("k").paused_since is None


def test_the_neighbour_that_began_before_is_spared(desk: Desk) -> None:
    desk.register(record("k"), record("long"))
    claims = on(desk, "n1", "long", "k")
    for node in ("n2", "n3"):
        dies(desk, f"n{int(node[1]) - 1}")
        for claim in claims:  # the long one first
            desk.clock.move(1)
            take = claim.run_id
            desk.joined(node)
            assert [one.run_id for one in desk.claim(node, of_tasks=[claim.task_id])] == [take]
    judged = {orphan.run.task_id: orphan.is_spared for orphan in dies(desk, "n3")}
    assert judged == {"k": False, "long": True}
    assert desk.history.task("k").paused_since is not None
    assert desk.history.task("long").paused_since is None


def test_after_a_resume_it_has_as_many_again(desk: Desk) -> None:
    desk.register(record("k", policy=Policy(max_crashes=2)))
    for n in range(4):
        on(desk, f"n{n}", "k")
        dies(desk, f"n{n}")
        paused = desk.history.task("k").paused_since is not None
        assert paused == (n % 2 == 1)
        if paused:
            desk.do(lambda tx: tx.resume("k", desk.now))
        cancel_all(desk)


def test_workers_of_a_living_node_count_as_well(desk: Desk) -> None:
    desk.register(record("k", policy=Policy(max_crashes=2)))
    for _ in range(2):
        desk.clock.move(1)
        claim = desk.running("k", fire_time=desk.now)
        ending = desk.ending(claim, State.LOST)
        desk.settle(ending)
    task = desk.history.task("k")
    assert task.paused_since == desk.now
    assert NOON < desk.now < NOON + 10 * SECOND


def test_a_damaged_time_of_an_attempt_stops_no_judgement(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with Desk(f"sqlite:///{path}") as desk:
        desk.register(record("k"), record("other"))
        for node in ("n1", "n2"):
            on(desk, node, "k", "other")
            dies(desk, node)
            cancel_all(desk)
        with damaged(path) as database:
            database.execute("UPDATE attempts SET finished_at = 'soon' WHERE node = 'n1'")
            database.execute("""UPDATE tasks SET policy = '{"max_crashes": 0}' WHERE id = 'k'""")
        on(desk, "n3", "k", "other")
        assert {orphan.run.task_id for orphan in dies(desk, "n3")} == {"k", "other"}
