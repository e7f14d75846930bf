"""`rota db copy` that does not come to its end: nothing of it is left, and it can be done again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rota.ledger.sqlite.bulk import UNFINISHED
from rota.ledger.transfer.bulk import TABLES
from tests.conformance.ledger.desk import Desk
from tests.integration.cli.project import ROTA, Project, environment, until
from tests.postgres import Postgres
from tests.unit.ledger.copies import waits_for_keys
from tests.unit.ledger.test_postgres import connected

pytestmark = pytest.mark.unsound("its runs have no task", "unknown")


@pytest.mark.parametrize("kind", ["file", "server"])
def test_a_copy_that_is_killed_leaves_no_half_copied_ledger(
    tmp_path: Path, postgres: Postgres, kind: str
) -> None:
    project = Project(tmp_path)
    source = postgres.url()
    target = "sqlite:///new.db" if kind == "file" else postgres.url()
    with Desk(source) as desk, connected(desk) as lock:
        desk.plan(*(desk.new() for _ in range(1000)))
        lock.exec_driver_sql("LOCK TABLE keys")
        process = project.begin("db", "copy", source, target)
        until(lambda: waits_for_keys(desk))
        process.kill()
        process.wait(90)
        lock.rollback()
    assert project.has(f"new.db{UNFINISHED}") is (kind == "file")
    nothing = project.rota("db", "copy", target, "sqlite:///other.db", code=2).stderr
    assert "There is no ledger" in nothing
    copied(project, source, target)
    assert not project.has(f"new.db{UNFINISHED}")


def test_a_copy_onto_a_full_disk_leaves_no_half_copied_ledger(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with Desk(f"sqlite:///{tmp_path / 'rota.db'}") as desk:
        desk.plan(*(desk.new() for _ in range(2000)))
    words = [ROTA, "db", "copy", "sqlite:///rota.db", "sqlite:///new.db"]
    done = subprocess.run(
        ["sh", "-c", f"ulimit -f 200; exec {' '.join(words)}"],  # blocks of 512 bytes
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 2
    assert "disk" in done.stderr
    assert not list(tmp_path.glob("new.db*"))
    copied(project, *words[3:])


def copied(project: Project, source: str, target: str) -> None:
    lines = project.rota("db", "copy", source, target).stdout.splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["equal"] * len(TABLES)
