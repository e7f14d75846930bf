"""The way from a laptop to a cluster, as written: its file, its commands in their order."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from rota.testing import eventually
from tests import forked
from tests.docs.pages import snippets
from tests.docs.test_projects import BIN, ask, build, does, server
from tests.integration.cli.project import environment, free_port
from tests.postgres import Postgres
from tests.postgres import postgres as postgres

PAGE = "laptop-to-cluster.md"
ADDRESS = "postgresql://rota@db.example/app"
TASK = "count_seconds"


def commands() -> list[list[str]]:
    """The words of each command of the page."""
    blocks = snippets(Path("docs/howto") / PAGE, "sh")
    return [block.text.split() for block in blocks if block.not_run is None]


def runs(project: Path) -> list[dict[str, Any]]:
    """Every run of the page's task, as the command line tells it."""
    said = does(project, "rota", "runs", "--task", TASK, "--limit", "100000", "--json")
    return [json.loads(line) for line in said.splitlines()]


def succeeded(project: Path) -> list[dict[str, Any]]:
    return [run for run in runs(project) if run["state"] == "succeeded"]


def instant(run: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(run["fire_time"])


def kill(process: forked.Started) -> None:
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for one in family:
        one.kill()


def test_from_a_laptop_to_a_cluster(tmp_path: Path, postgres: Postgres) -> None:
    laptop, url = tmp_path / "laptop", postgres.url()
    (laptop / "backgroundtask").mkdir(parents=True)
    build(PAGE, laptop)
    up, copy, move, *ups, look = commands()
    assert (up, ups) == (["rota", "up"], [["rota", "up"]] * 3)

    with server(laptop, *up, f"--port={free_port()}"):
        eventually((laptop / "rota.db").exists)
        eventually(lambda: len(succeeded(laptop)) >= 3)
    before = runs(laptop)

    said = does(laptop, *[word.replace(ADDRESS, url) for word in copy])
    assert said.count(" equal") == len(said.splitlines()) - 1 > 5
    assert move[0] == "mv"
    shutil.move(laptop / move[1], laptop / move[2])
    [config] = snippets(Path("docs/howto") / PAGE, "json")
    settings = json.loads(config.text.replace(ADDRESS, url))
    settings["manager"]["lease_seconds"] = 2
    (laptop / "config.json").write_text(json.dumps(settings))
    assert {run["id"] for run in runs(laptop)} == {run["id"] for run in before}

    machines = [tmp_path / f"machine{number}" for number in range(3)]
    for machine in machines:
        shutil.copytree(laptop, machine, ignore=shutil.ignore_patterns("rota.db*", "said.txt"))
    ports = [free_port() for _ in machines]
    with ExitStack() as nodes:
        command = [str(BIN / up[0]), *up[1:], f"--port={ports[0]}"]
        first = forked.start(command, machines[0], environment(), out=subprocess.DEVNULL)
        nodes.callback(first.wait, 30)
        nodes.callback(first.kill)
        for machine, port in zip(machines[1:], ports[1:], strict=True):
            nodes.enter_context(server(machine, *up, f"--port={port}"))
        page = f"http://127.0.0.1:{ports[1]}"
        eventually(lambda: states(page)["up"] == 3, within=60, what=lambda: str(states(page)))
        eventually(lambda: workers(laptop, since=before), within=60, what=lambda: str(runs(laptop)))
        kill(first)
        eventually(lambda: states(page)["up"] == 2, within=60, what=lambda: str(states(page)))
        so_far = runs(laptop)
        eventually(lambda: workers(laptop, since=so_far), within=60)
        eventually(lambda: len(runs(laptop)) > 20, within=60)  # than it lists

    everything = runs(laptop)
    assert does(laptop, *look).count(TASK) == 20
    fired = Counter(instant(run) for run in everything)
    assert set(fired.values()) == {1}
    first_second, last_second = min(fired), max(fired)
    assert len(fired) == (last_second - first_second) / timedelta(seconds=1) + 1
    ended = {run["state"] for run in everything if instant(run) < last_second}
    assert ended == {"succeeded"}
    assert {run["id"] for run in before} <= {run["id"] for run in everything}


def states(page: str) -> Counter[str]:
    """How many nodes are in each state, as a page tells it."""
    return Counter(node["state"] for node in ask(f"{page}/manager/nodes") or [])


def workers(project: Path, since: list[dict[str, Any]]) -> set[str]:
    """Which nodes have made runs that were not there before."""
    known = {run["id"] for run in since}
    return {run["node"] for run in succeeded(project) if run["id"] not in known}
