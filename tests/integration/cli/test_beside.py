"""Commands beside a running `rota up`, through its ledger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.cli.project import Project, until

pytestmark = pytest.mark.xdist_group("beside")  # one node for all

KEYS = [
    *("id", "task_id", "fire_time", "cause", "state", "attempt", "node", "started_at"),
    *("finished_at", "reason"),
]


def started(project: Project, *words: str, code: int = 0) -> str:
    """Start a task manually and return the run's id."""
    return project.rota("run", *words, code=code).stdout.splitlines()[0]


def run_of(project: Project, run_id: str) -> dict[str, Any]:
    """Return a run as `rota runs` shows it."""
    return next(run for run in project.lines("runs") if run["id"] == run_id)


def test_run_and_wait_for_success(running: Project) -> None:
    done = running.rota("run", "greet", "--wait", "--arg", "name=Ada ", "--arg", "times=2")
    run_id, line = done.stdout.splitlines()
    assert r"\x1b[31mhello Ada Ada" in line
    assert f"{run_id} succeeded after " in done.stderr
    run = run_of(running, run_id)
    assert list(run) == KEYS
    assert (run["task_id"], run["state"], run["cause"]) == ("greet", "succeeded", "manual")
    assert (run["fire_time"], run["attempt"], run["node"]) == (None, 1, "a")


def test_run_and_wait_for_failure(running: Project) -> None:
    done = running.rota("run", "fail", "--wait", code=1)
    assert "failed after " in done.stderr
    assert "ValueError: no such luck" in done.stderr


def test_logs_are_inert_and_complete(running: Project) -> None:
    run_id = started(running, "greet", "--wait")
    text = running.rota("logs", run_id[-8:]).stdout
    assert r"| STDOUT   | \x1b[31mhello you" in text
    assert "\x1b" not in text
    (line,) = running.lines("logs", run_id)
    assert list(line) == ["run_id", "attempt", "seq", "at", "level", "logger", "text"]
    assert line["text"] == "\x1b[31mhello you"
    assert running.lines("logs", run_id, "--attempt", "2") == []


def test_follow_cancel_and_refuse_to_cancel_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    project = Project(tmp_path_factory.mktemp("cancel"))
    with project.up("--plain") as up:
        up.ready()
        run_id = started(project, "hold")
        until(lambda: project.has("begun"))
        (running,) = project.lines("runs", "--state", "running")
        assert running["id"] == run_id
        waited = project.rota("run", "hold", "--wait", "--wait-for", "0.1", code=1)
        assert "continues" in waited.stderr
        assert "is being cancelled" in project.rota("cancel", run_id, "--reason", "enough").stdout
        project.rota("logs", run_id, "-f")
        run = run_of(project, run_id)
        assert (run["state"], run["reason"]) == ("cancelled", "enough")
        project.rota("cancel", run_id, code=2)


def test_waiting_ends_with_the_last_node(tmp_path_factory: pytest.TempPathFactory) -> None:
    project = Project(tmp_path_factory.mktemp("gone"), lease_seconds=1)
    with project.up("--plain") as up:
        up.ready()
        waiting = project.begin("run", "hold", "--wait")
        until(lambda: project.has("begun"))
        up.kill()
        assert waiting.wait(90) == 1


def test_runs_are_narrowed(running: Project) -> None:
    succeeded = started(running, "greet", "--wait")
    failed = started(running, "fail", "--wait", code=1)
    found = running.lines("runs", "--state", "failed", "--state", "lost", "--task", "fail")
    assert failed in {run["id"] for run in found}
    assert {run["state"] for run in found} == {"failed"}
    newest = running.lines("runs", "--limit", "2", "--since", "1h")
    assert [run["id"] for run in newest] == [succeeded, failed]
    assert running.lines("runs", "--until", "2020-01-01") == []
    every = running.lines("runs")
    assert every == sorted(every, key=lambda run: str(run["id"]))
    table = running.rota("runs", "--limit", "1").stdout.splitlines()
    assert table[0].split()[:3] == ["ID", "TASK", "TIME"]
    assert table[1].startswith(failed)


def test_pause_and_resume_reach_the_node(running: Project) -> None:
    running.rota("pause", "hold", "--reason", "later")
    task = next(one for one in running.lines("ls") if one["id"] == "hold")
    assert (task["state"], task["paused"], task["next_run"]) == ("paused", True, None)
    until(lambda: running.asked("/manager/tasks/hold")["status"] == "paused")
    running.rota("resume", "hold")
    until(lambda: running.asked("/manager/tasks/hold")["status"] == "scheduled")


def test_a_skip_reaches_the_node(running: Project) -> None:
    planned = running.asked("/manager/tasks/hold")["next_run"]
    said = running.rota("skip", "hold", "--reason", "painters").stdout
    assert said.startswith("hold skips ")
    assert "next: " in said
    until(lambda: running.asked("/manager/tasks/hold")["next_run"] != planned)
    (run,) = running.lines("runs", "--task", "hold", "--state", "skipped")
    assert run["fire_time"] == planned
    assert run["reason"].startswith("skipped by ")
    assert run["reason"].endswith(": painters")


def test_health_of_the_running_node(running: Project) -> None:
    (health,) = running.lines("health")
    assert (health["status"], health["reasons"], health["node"]) == ("healthy", [], "a")
    assert health["tick_age"] < 5
    assert health["ledger"]["state"] == "ok"
    for key in ("oldest_due", "running", "stuck", "blocked_loop", "broken_task_files"):
        assert key in health


def test_health_from_the_ledger_where_the_page_does_not_answer(running: Project) -> None:
    done = running.rota("health", "--json", XCORE_MANAGER__PORT="1")
    health = json.loads(done.stdout)
    assert (health["status"], health["node"], health["stuck"]) == ("healthy", "a", [])


def test_health_does_not_take_another_projects_word(running: Project, project: Project) -> None:
    project.rota("run", "greet", XCORE_MANAGER__NODE="b")
    done = project.rota("health", "--json", code=2, XCORE_MANAGER__PORT=str(running.port))
    assert json.loads(done.stdout)["status"] == "down"


def test_doctor_of_a_sound_project(running: Project) -> None:
    found = running.lines("doctor")
    assert {tuple(one) for one in found} == {("trouble", "check", "verdict", "why", "remedy")}
    assert {one["trouble"] for one in found} >= {
        "tasks not running",
        "tasks running multiple times",
        "missed executions",
        "memory leaks",
    }
    idle = next(one for one in found if one["check"] == "task idle")
    assert (idle["verdict"], idle["why"]) == ("note", "it is disabled.")
    assert "The machine" in running.rota("doctor").stdout
