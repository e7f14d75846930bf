"""`rota db copy`: what it says and refuses, and a project that goes on with the copy."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import rota
from rota.cli.commands.setup.db import is_up
from rota.core.ports.records import NodeRecord
from rota.core.time import SECOND
from rota.ledger.transfer.bulk import TABLES
from rota.ledger.transfer.copying import copy_ledger
from rota.runtime.node_process import host, process_start_token
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness, eventually
from tests.conformance.ledger.desk import NOON, Desk
from tests.docs.pages import snippets
from tests.integration.cli.project import Project, until
from tests.postgres import Postgres
from tests.postgres import postgres as postgres

FILE = "sqlite:///rota.db"


# --- what it says --------------------------------------------------------------------------------


def test_a_copy_is_shown_as_a_table(project: Project, postgres: Postgres) -> None:
    project.rota("run", "greet", "--wait")
    lines = project.rota("db", "copy", FILE, postgres.url()).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["TABLE", *(table.name for table in TABLES)]
    for line in lines[1:]:
        _, rows, checksum, its_rows, its_checksum, verdict = line.split()
        assert (rows, checksum, verdict) == (its_rows, its_checksum, "equal")
    assert {line.split()[1] for line in lines if line.startswith("runs ")} == {"1"}


def test_the_guide_quotes_the_actual_messages(project: Project, postgres: Postgres) -> None:
    project.rota("run", "greet", "--wait")
    blocks = [one.text for one in snippets(Path("docs/howto/postgresql.md"), "sh")]
    [shown] = [text for text in blocks if text.startswith("$ rota db copy ")]
    command, columns, *rows = shown.splitlines()
    _, _, *words, source, _ = command.split()
    lines = project.rota(*words, source, postgres.url()).stdout.splitlines()
    assert lines[0].split() == columns.split()
    assert [line.split()[0] for line in lines[1:]] == [line.split()[0] for line in rows]


def test_a_refusal_is_reported_with_its_remedy(project: Project) -> None:
    project.rota("run", "greet", "--wait")
    assert "not empty" in project.rota("db", "copy", FILE, FILE, code=2).stderr
    gone = project.rota("db", "copy", "sqlite:///no.db", "sqlite:///new.db", code=2).stderr
    assert "There is no ledger" in gone
    assert "names no ledger" in project.rota("db", "copy", FILE, "there", code=2).stderr
    assert not project.has("new.db")


def test_a_copy_that_differs_is_shown_and_not_kept(project: Project) -> None:
    url = f"sqlite:///{project.path / 'rota.db'}"
    with Desk(url) as desk:
        desk.plan(*(desk.new() for _ in range(2000)))
        process = project.begin("db", "copy", FILE, "sqlite:///new.db")
        while process.poll() is None:
            desk.plan(desk.new())
    assert process.returncode == 1
    assert not project.has("new.db")


def test_a_ledger_in_use_is_not_copied(project: Project) -> None:
    with project.up("--plain") as up:
        up.ready()
        said = project.rota("db", "copy", FILE, "sqlite:///new.db", code=2).stderr
        assert f"Nodes are up on this ledger: a (process {up.process.pid} on " in said
        assert "Stop them first" in said
        up.send(signal.SIGTERM)
        assert up.ends() == 0
    project.rota("db", "copy", FILE, "sqlite:///new.db")


def node(**changes: Any) -> NodeRecord:
    """A node of this very process, whose lease ends ten seconds after noon."""
    row = NodeRecord("n", "a", host(), os.getpid(), "0", 8, NOON, NOON, NOON + 10 * SECOND, "up")
    return replace(row, **changes)


def test_which_nodes_count_as_up() -> None:
    here = {"born": process_start_token(os.getpid())}
    late = NOON + 60 * SECOND
    assert is_up(node(info=here), NOON)
    assert is_up(node(info=here, state="draining"), NOON)
    assert is_up(node(info=here), late), "a frozen one may wake up"
    assert is_up(node(host="other"), NOON)
    assert not is_up(node(host="other"), late)
    assert not is_up(node(info={"born": "another process"}), NOON)
    assert not is_up(node(info=here, state="stopped"), NOON)
    assert not is_up(node(info=here, state="gone"), NOON)


# --- going on ------------------------------------------------------------------------------------


def test_a_task_manager_goes_on_with_the_copy_and_back(tmp_path: Path, postgres: Postgres) -> None:
    """Every second one occurrence, over three ledgers, and none of them twice."""
    done: list[object] = []

    def tick() -> None:
        done.append(rota.current_run().fire_time)

    def reached(count: int) -> bool:
        return len(done) >= count

    (tmp_path / "back").mkdir()
    urls = [f"sqlite:///{tmp_path / 'rota.db'}", postgres.url(), f"sqlite:///{tmp_path}/back/a.db"]
    for before, url in zip([None, *urls], urls, strict=False):
        if before is not None:
            copy_ledger(before, url, clock=SystemClock(), is_up=is_up)
        enough = len(done) + 3
        with Harness(tmp_path, SystemClock(), ledger_url=url, catchup="all") as rig:
            rig.manager.add_task(tick, "interval", "tick", seconds=1)
            eventually(partial(reached, enough))
            runs = rig.runs("tick")
    assert max(Counter(done).values()) == 1
    fired = [run.fire_time for run in runs if run.fire_time is not None]
    assert {later - earlier for earlier, later in pairwise(sorted(fired))} == {SECOND}


def test_what_ran_when_its_node_was_killed_is_attempted_again_on_the_copy(
    project: Project, postgres: Postgres
) -> None:
    project.rota("token", "create", "ci")
    with project.up("--plain") as up:
        up.ready()
        run_id = project.rota("run", "hold").stdout.strip()
        until(lambda: project.has("begun"))
        up.send(signal.SIGKILL)
        assert up.ends() == -signal.SIGKILL
    target = postgres.url()
    project.rota("db", "copy", FILE, target)
    config = json.loads((project.path / "config.json").read_text())
    config["manager"]["ledger_url"] = target
    project.write("config.json", json.dumps(config))
    assert [run["state"] for run in project.lines("runs", "--task", "hold")] == ["running"]
    assert [token["name"] for token in project.lines("token", "ls")] == ["ci"]
    project.touch("release")
    with project.up("--plain") as up:
        up.ready()
        until(lambda: project.lines("runs", "--state", "succeeded"))
    (run,) = project.lines("runs", "--task", "hold")
    assert (run["id"], run["state"], run["attempt"]) == (run_id, "succeeded", 2)
