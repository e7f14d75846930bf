"""What holds whatever carries the runs: the ledger decides, and nobody else."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import rota
from rota.core.role import Role
from rota.core.run import State
from rota.core.time import SECOND
from rota.testing import eventually
from tests.conformance.engines.conftest import Cluster


async def quick(number: int = 0) -> int:
    """Return what it was given."""
    return number


async def slow() -> str:
    """Take its time."""
    await asyncio.sleep(60)
    return "never"


def fails_once() -> int:
    """Fail at the first attempt."""
    run = rota.current_run()
    if run.attempt == 1:
        raise ValueError("not yet")
    return run.attempt


fails_once.options = {"max_retries": 1, "retry_delay": 0.1}  # type: ignore[attr-defined]
slow.options = {"max_retries": 0}  # type: ignore[attr-defined]


def held_until(release: threading.Event) -> Callable[[], Coroutine[Any, Any, None]]:
    """Make a task `held`, each run of which goes on until it is released."""

    async def held() -> None:
        while not release.is_set():  # noqa: ASYNC110  # set from another thread
            await asyncio.sleep(0.01)

    return held


def states(cluster: Cluster, task_id: str) -> Counter[Any]:
    return Counter(run.state for run in cluster.nodes[0].runs(task_id))


def test_many_runs_each_once_on_several_workers(cluster: Cluster) -> None:
    scheduler = cluster.node(quick)
    scheduler.manager.start(role=Role.SCHEDULER)
    for _ in range(2):
        cluster.node(quick).manager.start(role=Role.WORKER)
    scheduler.manager.run_many("quick", [{"number": number} for number in range(500)])
    eventually(
        lambda: states(cluster, "quick") == {State.SUCCEEDED: 500},
        within=60,
        what=lambda: str(states(cluster, "quick")),
    )
    runs = scheduler.runs("quick")
    assert sorted(run.result for run in runs) == list(range(500))
    assert {run.attempt for run in runs} == {1}
    assert scheduler.manager.services.engine.identity.id not in {run.node for run in runs}


def test_a_run_planned_by_a_trigger_starts_on_time(cluster: Cluster) -> None:
    scheduler = cluster.node()
    scheduler.manager.add_task(quick, "interval", "tick", seconds=1, overlap="allow")
    worker = cluster.node()
    worker.manager.add_task(quick, "interval", "tick", seconds=1, overlap="allow")
    worker.manager.start(role=Role.WORKER)
    scheduler.manager.start(role=Role.SCHEDULER)
    eventually(lambda: states(cluster, "tick")[State.SUCCEEDED] >= 3)
    runs = [run for run in scheduler.runs("tick") if run.state is State.SUCCEEDED]
    assert all(run.started_at >= run.fire_time for run in runs)  # type: ignore[operator]
    assert len({run.fire_time for run in runs}) == len(runs)


def test_many_runs_that_end_at_once_leave_no_message(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()
    held = held_until(release)
    node = cluster.node(held)
    node.manager.start()
    for ended in (200, 400):
        node.manager.run_many("held", [None] * 200)
        eventually(lambda: states(cluster, "held")[State.RUNNING] == 200, within=60)
        release.set()
        eventually(lambda n=ended: states(cluster, "held") == {State.SUCCEEDED: n}, within=60)  # type: ignore[misc]
        release.clear()
    errors = {record.name for record in caplog.records if record.levelno >= logging.ERROR}
    assert errors <= {"rota.watchdog"}  # which tells of a machine that stood still


def test_a_failed_attempt_is_made_again(cluster: Cluster) -> None:
    node = cluster.node(fails_once)
    node.manager.start()
    run_id = node.manager.run_task("fails_once")
    eventually(lambda: node.manager.get_run(run_id).state is State.SUCCEEDED)
    assert node.manager.get_run(run_id).result == 2


def test_a_run_is_cancelled_wherever_it_is(cluster: Cluster) -> None:
    scheduler = cluster.node(slow)
    scheduler.manager.start(role=Role.SCHEDULER)
    cluster.node(slow).manager.start(role=Role.WORKER)
    run_id = scheduler.manager.run_task("slow")
    eventually(lambda: scheduler.manager.get_run(run_id).state is State.RUNNING)
    scheduler.manager.cancel_run(run_id, reason="enough")
    eventually(lambda: scheduler.manager.get_run(run_id).state is State.CANCELLED)


def test_exclusive_runs_follow_one_another(cluster: Cluster) -> None:
    beside: list[int] = []
    lock = threading.Lock()
    now = 0

    async def alone() -> None:
        nonlocal now
        with lock:
            now += 1
            beside.append(now)
        await asyncio.sleep(0.05)
        with lock:
            now -= 1

    alone.options = {"overlap": "queue", "queue_limit": 100}  # type: ignore[attr-defined]
    for _ in range(2):
        cluster.node(alone).manager.start()
    cluster.nodes[0].manager.run_many("alone", [None] * 10)
    eventually(
        lambda: states(cluster, "alone") == {State.SUCCEEDED: 10},
        what=lambda: str(states(cluster, "alone")),
    )
    assert set(beside) == {1}


def test_what_a_stopped_worker_has_goes_to_another(cluster: Cluster) -> None:
    release = threading.Event()
    held = held_until(release)
    first = cluster.node(held)
    first.manager.start()
    ids = first.manager.run_many("held", [None] * 5)
    eventually(lambda: states(cluster, "held") == {State.RUNNING: 5})
    second = cluster.node(held)
    second.manager.start()
    first.manager.shutdown(grace=0)
    eventually(
        lambda: (
            {second.manager.get_run(id).node for id in ids}
            == {second.manager.services.engine.identity.id}
        )
    )
    release.set()
    eventually(lambda: {second.manager.get_run(id).state for id in ids} == {State.SUCCEEDED})


def test_a_worker_that_waits_for_its_last_runs_leaves_new_ones_to_others(cluster: Cluster) -> None:
    release = threading.Event()
    held = held_until(release)
    first, second = cluster.node(held, quick), cluster.node(held, quick)
    first.manager.start()
    first.manager.run_many("held", [None] * 3)
    eventually(lambda: states(cluster, "held") == {State.RUNNING: 3})
    second.manager.start()
    stopping = threading.Thread(target=first.manager.shutdown, kwargs={"grace": 60})
    stopping.start()
    try:
        eventually(lambda: "draining" in {node.state for node in second.manager.history.nodes()})
        second.manager.run_many("quick", [{"number": number} for number in range(100)])
        eventually(
            lambda: states(cluster, "quick") == {State.SUCCEEDED: 100},
            what=lambda: str(states(cluster, "quick")),
        )
        assert states(cluster, "held") == {State.RUNNING: 3}
    finally:
        release.set()
        stopping.join()


def test_a_new_queue_is_served_while_runs_of_others_go_on(cluster: Cluster) -> None:
    release = threading.Event()
    held = held_until(release)
    node = cluster.node(held)
    node.manager.start()
    holding = node.manager.run_task("held")
    eventually(lambda: node.manager.get_run(holding).state is State.RUNNING)
    try:
        node.manager.add_task(quick, "interval", "quick", hours=1000, queue="new")
        run_id = node.manager.run_task("quick")
        eventually(lambda: node.manager.get_run(run_id).state is State.SUCCEEDED)
        assert node.manager.get_run(holding).state is State.RUNNING
    finally:
        release.set()
    eventually(lambda: node.manager.get_run(holding).state is State.SUCCEEDED)


def test_a_connection_that_is_cut_is_made_anew_while_runs_go_on(cluster: Cluster) -> None:
    release = threading.Event()
    held = held_until(release)
    node = cluster.node(held, quick)
    node.manager.start()
    holding = node.manager.run_task("held")
    eventually(lambda: node.manager.get_run(holding).state is State.RUNNING)
    try:
        for _ in range(3):
            cluster.server.cut()
            run_id = node.manager.run_task("quick")
            eventually(lambda id=run_id: node.manager.get_run(id).state is State.SUCCEEDED)  # type: ignore[misc]
        assert node.manager.get_run(holding).state is State.RUNNING
    finally:
        release.set()
    eventually(lambda: node.manager.get_run(holding).state is State.SUCCEEDED)
    assert node.manager.get_run(holding).attempt == 1
    broker = node.manager.services.engine.broker
    eventually(lambda: broker is None or broker.waiting(["default.async"]) == 0)


def test_a_worker_makes_the_runs_of_its_queues_alone(cluster: Cluster) -> None:
    async def paint() -> str:
        return "painted"

    paint.options = {"queue": "gpu"}  # type: ignore[attr-defined]
    plain = cluster.node(paint, quick, cluster={"queues": ["default"]})
    plain.manager.start()
    painting = plain.manager.run_task("paint")
    other = plain.manager.run_task("quick")
    eventually(lambda: plain.manager.get_run(other).state is State.SUCCEEDED)
    assert plain.manager.get_run(painting).state is State.QUEUED
    gpu = cluster.node(paint, quick, cluster={"queues": ["gpu"]})
    gpu.manager.start(role=Role.WORKER)
    eventually(lambda: plain.manager.get_run(painting).state is State.SUCCEEDED)
    assert plain.manager.get_run(painting).node == gpu.manager.services.engine.identity.id


def test_the_highest_priority_starts_first(cluster: Cluster) -> None:
    started: list[str] = []

    def plain() -> None:
        started.append("plain")

    def low() -> None:
        started.append("low")

    def high() -> None:
        started.append("high")

    low.options, high.options = {"priority": -2}, {"priority": 3}  # type: ignore[attr-defined]
    tasks = (low, plain, high)
    scheduler = cluster.node(*tasks)
    scheduler.manager.start(role=Role.SCHEDULER)
    for task in tasks:
        scheduler.manager.run_many(task.__name__, [None] * 5)
    worker = cluster.node(*tasks, scheduler_thread_pool=1)
    broker = worker.manager.services.engine.broker  # which knows what another has sent
    eventually(lambda: broker is None or broker.waiting(["default.thread"]) == 15)
    worker.manager.start(role=Role.WORKER)
    eventually(lambda: len(started) == 15)
    assert started == ["high"] * 5 + ["plain"] * 5 + ["low"] * 5


class Gauge:
    """How many calls go on at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._now -= 1


def test_no_more_run_at_once_than_a_task_may_and_others_go_on(cluster: Cluster) -> None:
    gauge = Gauge()

    async def heavy() -> None:
        with gauge:
            await asyncio.sleep(0.05)

    heavy.options = {"max_running": 2}  # type: ignore[attr-defined]
    for _ in range(2):
        cluster.node(heavy, quick).manager.start()
    cluster.nodes[0].manager.run_many("heavy", [None] * 20)
    cluster.nodes[0].manager.run_many("quick", [None] * 20)
    eventually(lambda: states(cluster, "quick") == {State.SUCCEEDED: 20})
    eventually(
        lambda: states(cluster, "heavy") == {State.SUCCEEDED: 20},
        what=lambda: str(states(cluster, "heavy")),
    )
    assert gauge.most == 2


def test_the_tasks_of_a_group_keep_its_limit_together(cluster: Cluster) -> None:
    gauge = Gauge()

    async def one() -> None:
        with gauge:
            await asyncio.sleep(0.02)

    async def another() -> None:
        with gauge:
            await asyncio.sleep(0.02)

    one.options = another.options = {"group": "db"}  # type: ignore[attr-defined]
    groups = {"groups": {"db": {"max_running": 3}}}
    for _ in range(2):
        cluster.node(one, another, cluster=groups).manager.start()
    for task_id in ("one", "another"):
        cluster.nodes[0].manager.run_many(task_id, [None] * 15)
    for task_id in ("one", "another"):
        eventually(lambda id=task_id: states(cluster, id) == {State.SUCCEEDED: 15})  # type: ignore[misc]
    assert 2 <= gauge.most <= 3


def test_a_rate_holds_over_all_nodes(cluster: Cluster) -> None:
    async def called() -> None:
        pass

    called.options = {"rate": "5/s"}  # type: ignore[attr-defined]
    for _ in range(2):
        cluster.node(called).manager.start()
    ids = cluster.nodes[0].manager.run_many("called", [None] * 8)
    eventually(lambda: states(cluster, "called") == {State.SUCCEEDED: 8})
    runs = [cluster.nodes[0].manager.get_run(id) for id in ids]
    # A rate spreads the claims. A run starts some time after its claim, so two starts may be closer
    # together; but none is earlier than the claim that has its place in the order.
    gap, first = SECOND // 5, min(run.created_at for run in runs)
    started = sorted((run.started_at or 0) - first for run in runs)
    assert all(start >= (n - 0.5) * gap for n, start in enumerate(started)), started


def test_a_run_of_its_own_time_and_queue_goes_to_who_serves_that(cluster: Cluster) -> None:
    anywhere, gpu = cluster.node(quick), cluster.node(quick, cluster={"queues": ["gpu"]})
    for harness in (gpu, anywhere):
        harness.manager.start()
    others = anywhere.manager
    here = others.enqueue("quick", arguments={"number": 1}, queue="default", priority=5)
    there = others.enqueue("quick", arguments={"number": 2}, queue="nobodys", priority=-5)
    later = others.enqueue("quick", arguments={"number": 3}, delay=1.5, key="k")
    assert later.state == "scheduled"
    assert not others.enqueue("quick", arguments={"number": 4}, key="k").is_new
    assert [one.result(60) for one in (here, there, later)] == [1, 2, 3]
    run = others.get_run(later.id)
    assert run.started_at is not None
    assert run.started_at >= run.available_at
    eventually(lambda: "gpu" in anywhere.manager.services.engine.reaper.queues())
    served = others.enqueue("quick", arguments={"number": 5}, queue="gpu")
    assert served.result(60) == 5
