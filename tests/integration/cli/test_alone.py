"""`rota run` where no node is up: the task runs in the command's own process."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing

from tests.integration.cli.project import Project, until


def test_success_and_failure(project: Project) -> None:
    done = project.rota("run", "greet", "--arg", 'name="Bo"')
    assert "the task runs in this process" in done.stderr
    assert "hello Bo" in done.stderr
    run_id = done.stdout.strip()
    (run,) = project.lines("runs")
    assert (run["id"], run["state"], run["node"]) == (run_id, "succeeded", "a")
    failed = project.rota("run", "fail", code=1)
    assert "ValueError: no such luck" in failed.stderr
    assert project.rota("run", "idle").stdout.strip() == project.lines("runs")[-1]["id"]


def test_a_timeout_cancels_it(project: Project) -> None:
    done = project.rota("run", "hold", "--wait-for", "0.5", code=1)
    assert "cancelled" in done.stderr
    (run,) = project.lines("runs")
    assert (run["state"], run["reason"]) == ("cancelled", "not done after --wait-for 0.5")


def test_ctrl_c_cancels_it(project: Project) -> None:
    process = project.begin("run", "hold")
    until(lambda: project.has("begun"))
    process.send_signal(signal.SIGINT)
    assert process.wait(90) == 1
    (run,) = project.lines("runs")
    assert (run["state"], run["reason"]) == ("cancelled", "SIGINT")


def test_a_run_has_the_options_that_it_is_enqueued_with(project: Project) -> None:
    own = ("--queue", "gpu", "--max-retries", "2", "--timeout", "9.5", "--tag", "b", "--tag", "a")
    how = ("--in", "1h", "--key", "k", "--priority", "4", "--reason", "tea", *own)
    first = project.rota("run", "greet", *how).stdout.strip()
    assert project.rota("run", "greet", *how).stdout.strip() == first
    refused = project.rota("run", "greet", *how, "--on-conflict", "error", code=2)
    assert first in refused.stderr
    newer = project.rota("run", "greet", *how, "--on-conflict", "replace").stdout.strip()
    with closing(sqlite3.connect(project.path / "rota.db")) as ledger:
        wanted = "state, key, priority, reason, options"
        (row,) = ledger.execute(f"SELECT {wanted} FROM runs WHERE id = ?", (newer,))
    assert row[:-1] == ("scheduled", "k", 4, "tea")
    assert json.loads(row[-1]) == {
        "queue": "gpu",
        "max_retries": 2,
        "timeout": 9.5,
        "tags": ["a", "b"],
    }
    assert [run["id"] for run in project.lines("runs", "--tag", "a")] == [first, newer]
    assert project.lines("runs", "--tag", "A") == []


def test_every_option_that_is_wrong_is_named(project: Project) -> None:
    wrong = ("--max-retries", "-1", "--timeout", "-2", "--tag", "No!", "--queue", "A b")
    said = project.rota("run", "greet", *wrong, "--on-conflict", "error", code=2).stderr
    for name in ("max_retries", "timeout", "tags", "queue", "on_conflict"):
        assert name in said
    assert project.lines("runs") == []


def test_rota_run_without_a_node_plans_no_occurrence(project: Project) -> None:
    project.write(
        "backgroundtask/often.py",
        "import rota\n@rota.task('interval', seconds=0.1)\ndef often(): pass\n",
    )
    project.rota("run", "hold", "--wait-for", "0.5", code=1)
    assert {run["task_id"] for run in project.lines("runs")} == {"hold"}


def test_tasks_that_a_file_adds_by_itself_are_known(project: Project) -> None:
    project.write(
        "backgroundtask/own.py",
        "from manager import Manager\n"
        "def job(): print('own')\n"
        "def register_tasks(task_manager):\n"
        "    task_manager.add_task(job, 'interval', 'own', hours=1)\n"
        "    assert Manager.task_manager is task_manager\n",
    )
    assert "own" in project.rota("run", "own").stderr


def test_rota_run_without_a_node_runs_a_task_of_any_queue(project: Project) -> None:
    configuration = json.loads((project.path / "config.json").read_text())
    configuration["cluster"] = {"queues": ["other"]}
    project.write("config.json", json.dumps(configuration))
    assert "hello you" in project.rota("run", "greet").stderr


def test_arguments_are_read_as_the_annotations_say(project: Project) -> None:
    project.write(
        "backgroundtask/shop.py",
        "import rota\nfrom datetime import date\n\n"
        "@rota.task('cron', hour=9)\n"
        "def order(day: date = date(2024, 1, 1), zip_code: str = ''):\n"
        "    print(repr(day), repr(zip_code))\n",
    )
    words = ("--arg", "day=2024-02-29", "--arg", "zip_code=01234")
    assert "datetime.date(2024, 2, 29) '01234'" in project.rota("run", "order", *words).stderr
    refused = project.rota("run", "order", "--arg", "nope=1", "--arg", "day=soon", code=2)
    assert "order(day: datetime.date = datetime.date(2024, 1, 1), zip_code: str" in refused.stderr
    assert "arguments.nope: " in refused.stderr
    assert "arguments.day: " in refused.stderr
    assert len(project.lines("runs")) == 1
