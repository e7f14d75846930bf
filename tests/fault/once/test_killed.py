"""A node that is killed between two steps of a run: what it has done is not done again."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from tests.integration.cli.project import Project, until

EXECUTORS = ("coroutine", "thread", "process")
TASKS = """
import asyncio
import os
import time
from pathlib import Path

import rota


def effect(word):
    run = rota.current_run()
    journal = os.open(f"effects of {run.task_id}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(journal, f"{word}-{run.attempt}\\n".encode())
    os.close(journal)
    return [word, run.attempt]


async def later(word):
    return effect(word)


def killed_here():
    run = rota.current_run()
    Path(f"{run.task_id} is between").touch()
    while run.attempt == 1:
        time.sleep(0.02)


@rota.task("date", run_date="2100-01-01", executor="thread", max_retries=0)
def thread():
    charged = rota.once("charge", effect, "charge")
    killed_here()
    return [charged, rota.once("mail", effect, "mail")]


@rota.task("date", run_date="2100-01-01", executor="process", max_retries=0)
def process():
    charged = rota.once("charge", effect, "charge")
    killed_here()
    return [charged, rota.once("mail", effect, "mail")]


@rota.task("date", run_date="2100-01-01", max_retries=0)
async def coroutine():
    charged = await rota.once("charge", later, "charge")
    await asyncio.to_thread(killed_here)
    return [charged, await rota.once("mail", later, "mail")]
"""


def test_the_first_step_is_done_once_in_each_executor(tmp_path: Path) -> None:
    project = Project(tmp_path, TASKS)
    with project.up() as up:
        up.ready()
        run_ids = {name: project.rota("run", name).stdout.strip() for name in EXECUTORS}
        until(lambda: all(project.has(f"{name} is between") for name in EXECUTORS))
        up.send(signal.SIGKILL)
        assert up.ends() == -signal.SIGKILL

    def run(name: str) -> dict[str, Any]:
        return project.asked(f"/manager/runs/{run_ids[name]}")

    with project.up() as again:
        again.ready()
        for name in EXECUTORS:
            until(lambda name=name: run(name)["state"] == "succeeded")  # type: ignore[misc]
            assert (run(name)["attempt"], run(name)["result"]) == (2, [["charge", 1], ["mail", 2]])
            done = (tmp_path / f"effects of {name}").read_text().split()
            assert done == ["charge-1", "mail-2"], name
