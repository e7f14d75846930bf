"""What is changed on the command line is noted with this user's name."""

from __future__ import annotations

import getpass
from pathlib import Path

from rota.core.audit import Face
from rota.ledger import open_ledger
from rota.runtime.system_clock import SystemClock
from tests.integration.cli.project import Project


def test_changes_are_noted_with_the_user(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.rota("pause", "greet", "--reason", "painters")
    project.rota("resume", "greet")
    ledger = open_ledger(f"sqlite:///{tmp_path / 'rota.db'}", clock=SystemClock())
    ledger.open()
    resumed, paused = ledger.history.audit().changes
    ledger.close()
    assert (paused.verb, paused.task_id, paused.reason) == ("pause", "greet", "painters")
    assert resumed.verb == "resume"
    assert {(one.face, one.who) for one in (paused, resumed)} == {(Face.CLI, getpass.getuser())}
