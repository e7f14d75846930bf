"""The broker is away: runs wait in the ledger, the node says so, and goes on when it is back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rota.clock import SystemClock
from rota.core.run import State
from rota.testing import Harness, eventually
from tests.brokers import Redis


async def noop() -> str:
    """Do nothing."""
    return "done"


def test_runs_wait_for_a_broker_that_is_away(tmp_path: Path) -> None:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server, which is not installed")
    broker = Redis(tmp_path, program)
    engine = {"engine": "celery", "broker_url": broker.url}
    harness = Harness(tmp_path, SystemClock(), cluster=engine)
    harness.manager.add_task(noop, "interval", "noop", hours=1, overlap="allow")
    with harness:
        first = harness.manager.run_task("noop")

        def reasons() -> str:
            return " ".join(harness.manager.health()["reasons"])

        eventually(lambda: "broker cannot be reached" in reasons(), what=reasons)
        assert harness.manager.health()["status"] == "degraded"
        assert harness.manager.get_run(first).state is State.QUEUED
        broker.start()
        try:
            eventually(lambda: harness.manager.get_run(first).state is State.SUCCEEDED, within=60)
            eventually(lambda: not reasons(), what=reasons)
            broker.stop()  # with whatever it has
            second = harness.manager.run_task("noop")
            eventually(lambda: "broker cannot be reached" in reasons(), what=reasons)
            broker.start()
            eventually(lambda: harness.manager.get_run(second).state is State.SUCCEEDED, within=60)
        finally:
            broker.stop()
