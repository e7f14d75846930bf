"""Steps that are remembered, from the task to the ledger and back."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

import rota
from rota.core.ports.records import Claim
from rota.core.run import State
from rota.engine.running import reporter as reporting
from rota.engine.running.reporter import RunReporter
from rota.errors import LedgerError
from rota.ledger.ledger import SqlLedger
from rota.ledger.sqlite.database import SqliteFile
from rota.testing import Harness, eventually
from tests.conformance.ledger.desk import Desk, FakeClock


@pytest.mark.parametrize("executor", ["async", "thread"])
def test_a_retry_does_not_repeat_a_step(tmp_path: Path, executor: str) -> None:
    effects: list[str] = []

    def charge(amount: int) -> dict[str, int]:
        effects.append("charge")
        return {"amount": amount}

    def mail() -> str:
        effects.append("mail")
        if effects.count("mail") < 3:
            raise ConnectionError("no mail server")
        return "sent"

    def order() -> list[object]:
        return [rota.once("charge", charge, 7), rota.once("mail", mail)]

    async def charge_later(amount: int) -> dict[str, int]:
        return charge(amount)

    async def mail_later() -> str:
        return mail()

    async def order_later() -> list[object]:
        charged = await rota.once("charge", charge_later, 7)
        return [charged, await rota.once("mail", mail_later)]

    func = order if executor == "thread" else order_later
    with Harness(tmp_path) as rig:
        rig.manager.add_task(func, "date", "order", run_date="2030-01-01", retry_delay=1)
        run_id = rig.manager.run_task("order")
        for failures in (1, 2):
            eventually(lambda failures=failures: waits(rig, run_id, failures))  # type: ignore[misc]
            rig.advance(60)
        eventually(lambda: rig.manager.get_run(run_id).state is State.SUCCEEDED)
        assert rig.manager.get_run(run_id).result == [{"amount": 7}, "sent"]
        assert effects == ["charge", "mail", "mail", "mail"]
        steps = rig.manager.history.steps(run_id)
        assert [(step.key, step.value) for step in steps] == [
            ("charge", {"amount": 7}),
            ("mail", "sent"),
        ]


def waits(rig: Harness, run_id: str, failures: int) -> bool:
    run = rig.manager.get_run(run_id)
    return (run.state, run.failures) == (State.SCHEDULED, failures)


def test_each_run_has_steps_of_its_own(tmp_path: Path) -> None:
    def order() -> str:
        return rota.once("who", lambda: rota.current_run().id)

    with Harness(tmp_path) as rig:
        rig.manager.add_task(order, "date", "order", run_date="2030-01-01")
        run_ids = [rig.manager.run_task("order"), rig.manager.run_task("order")]
        assert {run.id: run.result for run in rig.ended("order", 2)} == {id: id for id in run_ids}


# --- on its way to the ledger -------------------------------------------------------------------


def reporter_of(desk: Desk, claim: Claim) -> RunReporter:
    return RunReporter(
        run_id=claim.run_id,
        attempt=claim.attempt,
        fence=claim.fence,
        limit=0,
        ledger=desk.ledger,
        clock=desk.clock,
        waiting=lambda _: None,
        moment=lambda _: None,
    )


def test_under_an_old_fence_a_step_is_refused_like_a_checkpoint(tmp_path: Path) -> None:
    with Desk(f"sqlite:///{tmp_path / 'rota.db'}") as desk:
        claim = desk.running()
        reporter = reporter_of(desk, claim)
        desk.settle(desk.ending(claim, State.QUEUED))
        assert len(desk.claim("b")) == 1
        with pytest.raises(LedgerError, match="checkpoint was refused: this run now belongs to an"):
            reporter.checkpoint(1)
        with pytest.raises(LedgerError, match="step 'k' was refused: this run now belongs to an"):
            reporter.remember("k", 1)
        assert desk.history.steps(reporter.run_id) == []


def test_a_step_waits_for_a_ledger_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has been done: were it not stored, a retry would repeat it."""
    monkeypatch.setattr(reporting, "STORE_PAUSE", 0.01)
    path = tmp_path / "rota.db"
    desk = Desk(f"sqlite:///{path}")
    desk.ledger = SqlLedger(SqliteFile("", path, busy_timeout=0.01), FakeClock())
    with desk, closing(sqlite3.connect(path, isolation_level=None)) as other:
        reporter = reporter_of(desk, desk.running())
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="locked"):
            reporter.checkpoint(1)
        storing = threading.Thread(target=reporter.remember, args=("k", 1))
        storing.start()
        with pytest.raises(LedgerError, match="locked"):
            reporter.checkpoint(1)  # after the first try of the other
        assert storing.is_alive()
        other.execute("COMMIT")
        storing.join(90)
        assert not storing.is_alive()
        assert [step.key for step in desk.history.steps(reporter.run_id)] == ["k"]
