"""Nodes that the network leaves alone for a while: two schedulers, three workers and a page."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from rota.config import Xcorecfg
from rota.core.ports.records import NodeRecord
from rota.core.run import Run, State
from rota.core.time import SECOND
from rota.testing import eventually
from tests.fault.cluster.test_cluster import Cluster, come_to_rest
from tests.fault.effort import LONG, effort
from tests.fault.journal import PRELUDE
from tests.fault.network.network import Network, why_not
from tests.integration.cli.project import Project
from tests.postgres import Postgres, programs

LEASE = 3
AWAY = effort(8, 30)
"""Seconds that each is cut off."""

ROLES = ("scheduler", "scheduler", "worker", "worker", "worker", "web")
CUT_OFF = range(len(ROLES)) if LONG else (2,)

CODE = f"""
{PRELUDE}
import time


def short():
    tell("began")
    time.sleep(0.1)
    tell("ended")


def long():
    tell("began")
    time.sleep(1.7)
    tell("ended")


def each_second(name, func):
    return {{
        "id": name,
        "func": func,
        "trigger": "interval",
        "trigger_args": {{"seconds": 1}},
        "overlap": "allow",
        "catchup": "all",
        "max_crashes": 1_000,
    }}


TASK_DEFINITIONS = [each_second("short", short), each_second("long", long)]
"""


class Scene(NamedTuple):
    """A cluster whose hosts are numbered as its processes are."""

    network: Network
    cluster: Cluster


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """A network with a host for each role."""
    if why := why_not():
        pytest.skip(why)
    network = Network()
    try:
        network.make()
        for _ in ROLES:
            network.add()
        yield network
    finally:
        network.remove()


@pytest.fixture(scope="module")
def server(network: Network) -> Iterator[Postgres]:
    """A server that listens on the bridge."""
    bin_ = programs()
    if bin_ is None:
        pytest.skip("needs PostgreSQL, and its wheel is not installed")
    with tempfile.TemporaryDirectory(prefix="rota-pg-") as directory:
        server = Postgres(Path(directory), bin_, listen_addresses=network.address)
        server.make()
        with (Path(directory) / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.77.0.0/24 trust\n")
        with network.within():
            server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(params=["local", "pgqueuer"])
def scene(
    request: pytest.FixtureRequest, network: Network, server: Postgres, tmp_path: Path
) -> Iterator[Scene]:
    """All of them are up."""
    near = server.url()
    schema = near.rpartition("=")[2]
    manager = {
        "ledger_url": server.url(schema, server=network.address),
        "lease_seconds": LEASE,
        "scheduler_thread_pool": 1,  # so that all three workers are needed
    }
    project = Project(tmp_path, CODE, node=None)
    sections = {"manager": manager, "cluster": {"engine": request.param}}
    config = Xcorecfg.model_validate(sections)
    project.write("config.json", config.model_dump_json(exclude_unset=True))
    cluster = Cluster(project, near, span=0)
    cluster.manager.services.ledger.open()
    try:
        for host, role in enumerate(ROLES):
            with network.within(host):
                cluster.start(role)
        eventually(lambda: cluster.up() == len(ROLES), within=60)
        yield Scene(network, cluster)
    finally:
        while cluster.processes:
            cluster.kill(0)
        cluster.manager.shutdown()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("network")  # one for both
def test_a_node_that_is_cut_off_loses_its_runs_to_others_and_returns(scene: Scene) -> None:
    network, cluster = scene
    for host in CUT_OFF:
        role, process = cluster.processes[host]
        eventually(lambda r=role, p=process.pid: r != "worker" or of(cluster, p))  # type: ignore[misc]
        with network.cut_off(host):
            began = time.monotonic()
            held = of(cluster, process.pid)
            eventually(lambda h=held: not still_held(cluster, h), within=60)  # type: ignore[misc]
            taken = time.monotonic() - began
            eventually(lambda b=began: time.monotonic() - b > AWAY, within=AWAY + 10)  # type: ignore[misc]
            assert node_of(cluster, process.pid) is None, "it is gone for the others"
        healed = time.monotonic()
        eventually(lambda p=process.pid: node_of(cluster, p), within=60)  # type: ignore[misc]
        joined = time.monotonic() - healed
        if role == "worker":
            eventually(lambda p=process.pid: of(cluster, p), within=60)  # type: ignore[misc]
        back = time.monotonic() - healed
        print(  # noqa: T201
            f"{role}: {len(held)} runs taken over after {taken:.1f} s;"
            f" joined {joined:.1f} s after healing, at work after {back:.1f} s"
        )
    come_to_rest(cluster.manager)
    assert {code for _, code in cluster.stop()} == {0}
    runs = cluster.runs()
    for task_id in ("short", "long"):
        times = sorted(run.fire_time or 0 for run in runs if run.task_id == task_id)
        assert {later - one for one, later in pairwise(times)} == {SECOND}, "lost or doubled"
    assert Counter(run.state for run in runs) == {State.SUCCEEDED: len(runs)}
    cluster.journal.agrees_with(runs)


def node_of(cluster: Cluster, pid: int) -> NodeRecord | None:
    """Return the node of a process, where the others think that it is up."""
    up = [node for node in cluster.manager.history.nodes() if node.state == "up"]
    return next((node for node in up if node.pid == pid), None)


def of(cluster: Cluster, pid: int) -> list[Run]:
    """Return the runs that a process is making."""
    node = node_of(cluster, pid)
    running = cluster.manager.history.running()
    return [run for run in running if node and run.node == node.id]


def still_held(cluster: Cluster, held: list[Run]) -> list[Run]:
    """Return those of the runs that still are the same attempt of the same node."""
    now = [cluster.manager.history.run(run.id) for run in held]
    return [
        run
        for run, before in zip(now, held, strict=True)
        if run.state is State.RUNNING and run.fence == before.fence
    ]
