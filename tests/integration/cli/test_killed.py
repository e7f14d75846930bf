"""A node that is killed in the middle of a run, and what the next one makes of it."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.integration.cli.project import Project, until

TASKS = """
from pathlib import Path
import time

import rota


@rota.task("date", run_date="2100-01-01", on_crash="{on_crash}")
def steps():
    run = rota.current_run()
    done = run.checkpoint() or []
    for step in range(len(done), 3):
        done = run.checkpoint([*done, [run.attempt, step]])
        Path(f"step{{step}}").touch()
        while step == 1 and not Path("release").exists():
            time.sleep(0.02)
    return done
"""


def killed_in_step_1(tmp_path: Path, on_crash: str) -> tuple[Project, str]:
    project = Project(tmp_path, TASKS.format(on_crash=on_crash))
    with project.up() as up:
        up.ready()
        run_id = project.rota("run", "steps").stdout.strip()
        until(lambda: project.has("step1"))
        up.send(signal.SIGKILL)
        assert up.ends() == -signal.SIGKILL
    (run,) = project.lines("runs")
    assert (run["state"], run["attempt"]) == ("running", 1)
    project.touch("release")
    return project, run_id


def test_the_run_of_a_killed_process_is_attempted_again_from_its_checkpoint(tmp_path: Path) -> None:
    project, run_id = killed_in_step_1(tmp_path, "restart")
    with project.up() as again:
        again.ready()
        project.rota("logs", "-f", run_id)
        (run,) = project.lines("runs")
        assert (run["id"], run["state"], run["attempt"]) == (run_id, "succeeded", 2)
        again.send(signal.SIGTERM)
        assert again.ends() == 0


def test_the_run_of_a_killed_process_is_lost_if_on_crash_is_lose(tmp_path: Path) -> None:
    project, run_id = killed_in_step_1(tmp_path, "lose")
    with project.up() as again:
        again.ready()
        runs = project.lines("runs")
        assert [(run["id"], run["state"]) for run in runs] == [(run_id, "lost")]
        assert "is gone" in runs[0]["reason"]
        again.send(signal.SIGTERM)
        assert again.ends() == 0
