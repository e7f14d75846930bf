"""What `rota` writes and whom it trusts, from outside: modes, environments, strangers."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.cli.project import ROTA, Project, environment, until

TASKS = """
import os, sys
import rota

@rota.task("interval", hours=1000, executor="process")
def look():
    from configurations import Xcorecfg
    return {
        "environment": [name for name in os.environ if name.startswith(("XCORE_", "ROTA_"))],
        "configured": Xcorecfg.load().app_name,
        "path": sys.path,
        "own": __file__,
    }
"""


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


def others(directory: Path) -> dict[str, str]:
    """Return what lies in a directory and lets others in."""
    return {
        file.relative_to(directory).as_posix(): mode(file)
        for file in directory.rglob("*")
        if file.stat().st_mode & 0o077
        and file.parent.name != "__pycache__"
        and file.name != "__pycache__"
    }


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_what_init_and_up_write_is_this_users_alone(tmp_path: Path, umask: int) -> None:
    home = tmp_path / "new"
    subprocess.run(
        [ROTA, "init", str(home)], umask=umask, check=True, env=environment(), timeout=60
    )
    assert mode(home) == "700"
    assert others(home) == {}
    project = Project.at(home)
    with project.up(command=("/bin/sh", "-c", f"umask {umask:o}; exec {ROTA} up --port 0")):
        until(lambda: (home / "rota.db-shm").exists() and (home / "logs" / "app.log").exists())
        assert {mode(home / name) for name in ("rota.db", "rota.db-wal", "rota.db-shm")} == {"600"}
        assert others(home) == {}


def test_the_doctor_tells_who_may_read_what_was_written_before(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.rota("run", "greet")
    project.path.joinpath("config.json").chmod(0o600)
    (sound,) = (one for one in project.lines("doctor", code=1) if one["check"] == "file modes")
    assert sound["verdict"] == "ok"
    project.path.joinpath("rota.db").chmod(0o644)
    (found,) = (one for one in project.lines("doctor", code=1) if one["check"] == "file modes")
    assert (found["verdict"], "rota.db (644)" in found["why"]) == ("warn", True)
    assert "chmod go-rwx" in found["remedy"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_doctor_names_files_of_other_users(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.rota("run", "greet")
    os.chown(tmp_path / "rota.db", 65_534, -1)
    (found,) = (one for one in project.lines("doctor", code=1) if one["check"] == "file owners")
    assert (found["verdict"], "rota.db (user 65534)" in found["why"]) == ("warn", True)
    assert "chown 0 " in found["remedy"]
    off = project.rota("doctor", code=1, XCORE_MANAGER__CHECK_FILE_OWNERS="false").stdout
    assert "file owners" not in off


def test_a_worker_has_no_configuration_in_its_environment_and_knows_it(tmp_path: Path) -> None:
    project = Project(tmp_path, TASKS)
    (tmp_path / "socket.py").write_text("raise RuntimeError('it lay in wait')")
    done = project.rota(
        *("run", "look", "--wait"), XCORE_APP_NAME="handed", XCORE_DEBUG="false", ROTA_X="1"
    )
    run_id = done.stdout.split()[0]
    told = _result(project, run_id)
    assert told["environment"] == []
    assert told["configured"] == "handed"
    assert "" not in told["path"]


def _result(project: Project, run_id: str) -> dict[str, Any]:
    import json
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(project.path / "rota.db")) as ledger:
        (result,) = ledger.execute("SELECT result FROM runs WHERE id = ?", (run_id,)).fetchone()
    found: dict[str, Any] = json.loads(result)
    return found


def test_strangers_hear_no_reasons_and_pull_nothing_in(tmp_path: Path) -> None:
    project = Project(tmp_path, access="token")
    (tmp_path / "backgroundtask" / "broken.py").write_text("import rota\nrota.nothing\n")
    token = project.rota("token", "create", "ci", "--right", "read").stdout.strip()
    with project.up():
        url = f"http://127.0.0.1:{project.port}"
        until(lambda: _reasons(url))
        stranger = {"X-Forwarded-For": "203.0.113.9"}
        ready = httpx.get(f"{url}/health/ready", headers=stranger)
        assert (ready.status_code, ready.json()) == (200, {"status": "ready", "reasons": []})
        known = {**stranger, "Authorization": f"Bearer {token}"}
        assert httpx.get(f"{url}/health/ready", headers=known).json()["reasons"]
        foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
        for path in ("/manager/events", "/manager/runs", "/static/rota.css", "/sign-in"):
            assert httpx.get(f"{url}{path}", headers=foreign).status_code == 403, path
        led = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        assert httpx.get(f"{url}/sign-in", headers=led).status_code == 200


def _reasons(url: str) -> object:
    try:
        return httpx.get(f"{url}/health/ready").json()["reasons"]
    except httpx.TransportError:  # it is not up yet
        return []


@pytest.mark.parametrize(
    "name", ["a\u200bb", "a\u202eb", "a\x07b", "\u3164", "a\u00a0b", "a" * 201]
)
def test_a_token_has_a_name_that_is_what_it_looks_like(tmp_path: Path, name: str) -> None:
    done = Project(tmp_path).rota("token", "create", name, code=2)
    assert "cannot be seen" in done.stderr


def test_rota_check_reports_a_world_writable_task_file(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / "backgroundtask" / "work.py").chmod(0o666)
    done = project.rota("check", code=1)
    assert "can be changed by any user (mode 666)" in done.stdout
    assert not project.lines("ls")
    assert os.environ.get("XCORE_MANAGER__CHECK_FILE_OWNERS") is None
    assert project.rota("ls", XCORE_MANAGER__CHECK_FILE_OWNERS="false").stdout.count("greet")
