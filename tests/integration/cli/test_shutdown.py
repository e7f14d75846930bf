"""The end of `rota up`: signals, exit codes, and what becomes of what runs."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from rota.cli import lifetime
from tests.integration.cli.project import ROTA, TASKS, Project, Up, until

THEIRS = """
import signal

for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: None)
"""


def holding(project: Project, up: Up) -> None:
    """Have a task run that only ends when it is released."""
    up.ready()
    project.rota("run", "hold")
    until(lambda: project.has("begun"))


def only_run(project: Project) -> dict[str, Any]:
    """Return the only run there is."""
    (run,) = project.lines("runs", "--task", "hold")
    return run


def test_a_run_that_ends_in_time(project: Project) -> None:
    with project.up() as up:
        holding(project, up)
        up.send(signal.SIGTERM)
        up.says("SIGTERM: running tasks get 20 s")
        project.touch("release")
        assert up.ends() == 0
    assert only_run(project)["state"] == "succeeded"
    (health,) = project.lines("health", code=2)
    assert "a was seen" in health["reasons"][0]


def test_a_run_that_ends_too_late_is_handed_back(tmp_path: Path) -> None:
    project = Project(tmp_path, shutdown_grace=0.2)
    with project.up() as up:
        holding(project, up)
        up.send(signal.SIGTERM)
        assert up.ends() == 1
    run = only_run(project)
    assert run["state"] == "queued"
    assert "handed back by node a" in run["reason"]
    project.touch("release")
    with project.up() as again:
        again.ready()
        project.rota("logs", "-f", run["id"])
        again.send(signal.SIGTERM)
        assert again.ends() == 0
    run = only_run(project)
    assert (run["state"], run["attempt"]) == ("succeeded", 2)


def test_a_second_signal_means_now(tmp_path: Path) -> None:
    project = Project(tmp_path, shutdown_grace=600)
    with project.up() as up:
        holding(project, up)
        up.send(signal.SIGTERM)
        up.says("running tasks get 600 s")
        up.send(signal.SIGTERM)
        assert up.ends() == 1
    assert only_run(project)["state"] == "queued"


def test_a_second_hangup_of_a_terminal_is_ignored(project: Project) -> None:
    with project.up() as up:
        holding(project, up)
        up.send(signal.SIGHUP)
        up.says("SIGHUP: running tasks get 20 s")
        up.send(signal.SIGHUP)
        up.send(signal.SIGTERM)
        up.says("SIGTERM: stopping now.")
        assert up.ends() == 1
        assert "SIGHUP: stopping" not in up.output


def test_with_nohup_a_terminal_may_close(project: Project) -> None:
    with project.up(command=("nohup", ROTA, "up")) as up:
        up.ready().send(signal.SIGHUP)
        assert project.asked("/health")
        up.send(signal.SIGTERM)
        assert up.ends() == 0
        assert "SIGHUP" not in up.output


def test_a_port_in_use_is_reported_before_anything_starts(project: Project) -> None:
    with project.up() as up:
        up.ready()
        done = project.rota("up", code=2)
        assert f"port {project.port}, cannot be listened on" in done.stderr
        assert "is up" not in done.stdout + done.stderr
        beside = Up(project, "--port", "0")
        beside.ready().send(signal.SIGTERM)
        assert beside.ends() == 0
        beside.kill()


def test_broken_task_files_are_reported_and_the_rest_runs(project: Project) -> None:
    broken = project.write("backgroundtask/broken.py", "import rota\n1 / 0\n")
    with project.up("--plain") as up:
        up.ready()
        assert "backgroundtask/broken.py:2: importing it raised ZeroDivisionError" in up.output
        (health,) = project.lines("health", code=1)
        assert "broken.py:2" in health["broken_task_files"][0]
        broken.write_text(
            "import rota\n@rota.task('interval', hours=1)\ndef mended(): print('mended')\n"
        )
        until(lambda: not project.broken())
        assert "mended" in project.rota("run", "mended", "--wait").stdout


def test_a_file_that_breaks_keeps_its_last_good_version(project: Project) -> None:
    good = "import rota\n@rota.task('interval', hours=1)\ndef task(): print('{}')\n"
    file = project.write("backgroundtask/changing.py", good.format("first"))
    with project.up("--plain") as up:
        up.ready()
        file.write_text("import rota\ndef (\n")
        until(project.broken)
        assert "first" in project.rota("run", "task", "--wait").stdout
        file.write_text(good.format("second"))
        until(lambda: not project.broken())
        assert "second" in project.rota("run", "task", "--wait").stdout
        file.unlink()
        up.says("Task files reloaded: 4 tasks")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_a_task_file_has_caught_ends_it_all_the_same(
    tmp_path: Path, number: signal.Signals
) -> None:
    with Project(tmp_path, THEIRS + TASKS).up("--plain") as up:
        up.ready()
        assert up.output.count("SIGTERM, SIGINT: ") == 1
        up.send(number)
        assert up.ends() == 0


def test_no_signal_is_reported_if_no_handler_caught_one(project: Project) -> None:
    with project.up("--plain") as up:
        up.ready()
        assert "SIG" not in up.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_waits_for_what_must_not_be_interrupted(number: signal.Signals) -> None:
    done = False
    with pytest.raises(KeyboardInterrupt), lifetime.signals() as signals, signals.put_off():
        signal.raise_signal(number)
        done = True
    assert done
    assert signals.caught.get_nowait() == number
    assert not signals.starting
