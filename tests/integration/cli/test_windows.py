"""`rota windows`: maintenance windows are opened, listed and closed on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.cli.project import Project

TASKS = """
import rota


@rota.task("interval", hours=1, tags=["db"])
def sync():
    pass
"""

NIGHT = {"crontab": "0 1 * * *", "duration": 3600, "all": True, "action": "delay"}


def test_a_window_is_opened_listed_beside_those_of_the_configuration_and_closed(
    tmp_path: Path,
) -> None:
    project = Project(tmp_path, TASKS)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "windows": {"night": NIGHT}}))
    (planned,) = project.lines("windows")
    assert (planned["id"], planned["name"], len(planned["spans"])) == (None, "night", 3)
    open_one = ("windows", "open", "--for", "2h", "--tag", "db", "--reason", "disks")
    said = project.rota(*open_one).stdout
    assert said.startswith("The window 1 is open for tag db until ")
    project.rota(*open_one)
    first, second = project.lines("windows", "ls")
    assert (first["id"], first["tags"], first["is_open"], first["reason"]) == (
        *(1, ["db"]),
        *(True, "disks"),
    )
    assert second == project.lines("windows")[1]
    assert project.rota("windows", "close", "1").stdout == "The window 1 is closed.\n"
    assert [one["id"] for one in project.lines("windows")] == [None]
    assert "over" in project.rota("windows", "--closed").stdout


def test_what_cannot_be_is_refused_with_the_place(tmp_path: Path) -> None:
    project = Project(tmp_path, TASKS)
    for words, said in (
        (("open",), "name tasks, tags, or all"),
        (("open", "--all", "--for", "soon"), "'soon' is not a time"),
        (("open", "--all", "--for", "1h", "--until", "2h"), "there are two ends"),
        (("close",), "takes the id of a window"),
        (("ls", "1"), "takes the id of a window"),
        (("close", "7"), "has the id 7"),
    ):
        assert said in project.rota("windows", *words, code=2).stderr
