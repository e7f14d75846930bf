"""The broker is away: runs wait in the ledger, the node says so, and goes on when it is back."""

from __future__ import annotations

import asyncio
import shutil
import threading
from pathlib import Path

import pytest

from rota.brokers.celery import CeleryBroker, _Consumer
from rota.core.run import State
from rota.runtime.system_clock import SystemClock
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


def test_a_cut_connection_to_the_broker_delays_no_other(redis: Redis, tmp_path: Path) -> None:
    engine = {"engine": "celery", "broker_url": redis.url}
    harness = Harness(tmp_path, SystemClock(), cluster=engine)
    release = threading.Event()

    def in_thread() -> None:
        release.wait()

    async def on_loop() -> None:
        while not release.is_set():  # noqa: ASYNC110  # set from another thread
            await asyncio.sleep(0.01)

    tasks = (in_thread, on_loop)
    for task in (*tasks, noop):
        harness.manager.add_task(task, "interval", task.__name__, hours=1, overlap="allow")
    with harness:
        held = [harness.manager.run_task(task.__name__) for task in tasks]

        def states() -> set[State]:
            return {harness.manager.get_run(run_id).state for run_id in held}

        try:
            eventually(lambda: states() == {State.RUNNING})
            redis.cut_one()
            inbox = harness.manager.services.engine.inbox
            eventually(lambda: inbox is not None and inbox.trouble, what="it is told")
            run_id = harness.manager.run_task("noop")
            eventually(lambda: harness.manager.get_run(run_id).state is State.SUCCEEDED)
            assert states() == {State.RUNNING}
        finally:
            release.set()
        eventually(lambda: states() == {State.SUCCEEDED})


def test_a_consumer_that_is_stopped_before_it_has_begun_ends(redis: Redis) -> None:
    async def begin_and_stop() -> None:
        consumer = _Consumer(CeleryBroker(redis.url)._make(), ["default.async"], 1)
        consumer.stop()
        consumer.start(asyncio.get_running_loop(), ignore)
        async with asyncio.timeout(20):
            await consumer.ended

    async def ignore(run_id: str) -> None:
        pass

    asyncio.run(begin_and_stop())
