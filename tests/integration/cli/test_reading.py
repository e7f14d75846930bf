"""The reading commands where nothing runs: without a ledger, with a broken one, unknown ids."""

from __future__ import annotations

import sqlite3
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.integration.cli.project import ROTA, TASKS, Project, environment

NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def test_tasks_are_listed_and_no_ledger_is_made(project: Project) -> None:
    tasks = {task["id"]: task for task in project.lines("ls")}
    assert list(tasks) == ["fail", "greet", "hold", "idle"]
    assert list(tasks["greet"]) == [
        *("id", "name", "state", "next_run", "last_run", "trigger", "enabled", "paused", "file")
    ]
    assert tasks["idle"]["state"] == "disabled"
    assert tasks["greet"]["state"] == "scheduled"
    assert tasks["greet"]["file"] == "backgroundtask/work.py"
    assert "every day at 09:00, Europe/Berlin" in project.rota("ls").stdout
    assert not project.has("rota.db")


def test_show_and_next_without_a_ledger(project: Project) -> None:
    (shown,) = project.lines("show", "greet")
    assert shown["in_words"] == "every day at 09:00, Europe/Berlin"
    assert len(shown["next_runs"]) == 3
    assert "backgroundtask/work.py:18" in project.rota("show", "greet").stdout
    coming = project.lines("next", "--days", "2")
    assert coming == sorted(coming, key=lambda one: str(one["fire_time"]))
    assert {one["task_id"] for one in coming} == {"fail", "greet", "hold"}
    assert [one["task_id"] for one in project.lines("next", "--task", "fail")] == ["fail"] * 20
    assert len(project.rota("next", "--limit", "3").stdout.splitlines()) == 4
    assert not project.has("rota.db")


def test_a_missing_ledger_is_reported_and_not_created(project: Project) -> None:
    said = project.rota("runs")
    assert said.stdout == ""
    assert "rota up" in said.stderr
    assert project.lines("runs") == []
    (health,) = project.lines("health", code=2)
    assert health["status"] == "down"
    assert health["ledger"]["state"] == "missing"
    for words in (("logs", NOBODY), ("cancel", NOBODY)):
        assert "no run has the id" in project.rota(*words, code=2).stderr
    assert not project.has("rota.db")


@pytest.mark.parametrize(
    "words", [("show",), ("pause",), ("resume",), ("run",), ("next", "--task")]
)
def test_an_unknown_task_names_the_nearest(project: Project, words: tuple[str, ...]) -> None:
    done = project.rota(*words, "great", code=2)
    assert "no task has the id 'great'" in done.stderr.lower()
    assert "Did you mean 'greet'?" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("runs", "--since", "yesterday"), "--since: 'yesterday' is not a time."),
        (("runs", "--state", "done"), "done"),
        (
            ("pause", "greet", "--until", "2020-01-01"),
            "--until: 2020-01-01 00:00:00 CET is in the past.",
        ),
        (("run", "greet", "--arg", "name"), "--arg: 'name' has no key."),
    ],
)
def test_words_that_cannot_be_read(project: Project, words: tuple[str, ...], said: str) -> None:
    assert said in project.rota(*words, code=2).stderr


def test_a_file_that_is_no_ledger_is_reported_and_left_unchanged(project: Project) -> None:
    file = project.write("rota.db", "these are my notes\n" * 100)
    for words in (("runs",), ("up", "--plain")):
        done = project.rota(*words, code=2)
        assert "is no SQLite database" in done.stderr
        assert "rota.db" in done.stderr
    (health,) = project.lines("health", code=2)
    assert health["ledger"]["state"] == "unusable"
    assert any("is no SQLite database" in reason for reason in health["reasons"])
    assert any(
        one["check"] == "ledger" and one["verdict"] == "warn"
        for one in project.lines("doctor", code=1)
    )
    assert file.read_text() == "these are my notes\n" * 100


def test_a_ledger_of_a_newer_rota_is_left_alone(project: Project) -> None:
    project.rota("pause", "greet")
    with sqlite3.connect(project.path / "rota.db") as ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '9999'")
    ledger.close()
    before = (project.path / "rota.db").read_bytes()
    assert "newer" in project.rota("runs", code=2).stderr
    assert (project.path / "rota.db").read_bytes() == before


def test_a_ledger_that_cannot_be_written(tmp_path: Path) -> None:
    project = Project(tmp_path, ledger_url="sqlite:///no/such/tree/rota.db")
    assert "cannot be made" in project.rota("up", "--plain", code=2).stderr
    (health,) = project.lines("health", code=2)
    assert health["status"] == "down"


def test_what_is_paused_stays_so_and_is_shown(project: Project) -> None:
    said = project.rota("pause", "greet", "--until", "2h", "--reason", "holidays").stdout
    assert "greet is paused until " in said
    (shown,) = project.lines("show", "greet")
    assert (shown["paused"], shown["pause_reason"]) == (True, "holidays")
    (pause,) = shown["pauses"]
    assert (pause["held"], pause["until"]) == ("task", shown["paused_until"])
    assert shown["state"] == "paused"
    project.rota("pause", "greet")  # until it is resumed
    assert "greet" not in {one["task_id"] for one in project.lines("next", "--days", "2")}
    assert "next: " in project.rota("resume", "greet").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("rota next --days 36000 --json | head -n 1 | wc -l", 0, ""),
        ("rota ls >&-", 0, ""),
        ("rota ls >/dev/full", 2, "error: standard output cannot be written"),
    ],
)
def test_a_closed_output_ends_a_command_quietly(
    project: Project, words: str, code: int, said: str
) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", words.replace("rota", ROTA, 1)],
        cwd=project.path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    assert done.stderr.startswith(said) if said else done.stderr == ""


def test_times_without_a_zone_are_in_the_tasks_else_in_the_managers(tmp_path: Path) -> None:
    tasks = TASKS.replace('"interval", hours=1', '"interval", hours=1, timezone="Asia/Tokyo"')
    project = Project(tmp_path, tasks, timezone="America/New_York")
    project.rota("run", "fail", "--wait", code=1)
    said = project.rota("pause", "hold", "--until", "2040-06-01 12:00").stdout
    assert "until 2040-06-01 12:00:00 JST" in said
    [hold] = project.lines("show", "hold")
    assert hold["paused_until"] == "2040-06-01T03:00:00Z"
    [run] = project.lines("runs")
    ended = datetime.fromisoformat(run["finished_at"])
    for words, zone in ((["--task", "fail"], "America/New_York"), ([], "America/New_York")):
        local = ended.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        for minutes, there in ((-5, True), (5, False)):
            since = (local + timedelta(minutes=minutes)).isoformat()
            assert bool(project.lines("runs", *words, "--since", since)) is there
    rule = ("--cron", "minute=*", "--timezone", "Asia/Tokyo", "--after", "2030-06-01 12:00")
    assert project.lines("preview", *rule, "--count", "1")[0]["fire_time"] == (
        "2030-06-01T03:01:00Z"
    )
