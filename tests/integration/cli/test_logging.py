"""Tasks and task files that configure logging themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.project import Project

SPEAK = """
import logging

import rota

log = logging.getLogger("mine")


@rota.task("date", run_date="2100-01-01")
def thread():
    log.info("in a thread")


@rota.task("date", run_date="2100-01-01")
async def coroutine():
    log.info("in a coroutine")


@rota.task("date", run_date="2100-01-01", executor="process")
def process():
    log.info("in a process")
"""
BY_FORCE = "import logging\nlogging.basicConfig(force=True)\n"
BY_DICT = """
import logging.config
logging.config.dictConfig({
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"": {"handlers": ["console"], "level": "INFO", "propagate": False}},
})
"""


@pytest.mark.parametrize("configuring", [BY_FORCE, BY_DICT])
def test_every_run_keeps_its_log(tmp_path: Path, configuring: str) -> None:
    project = Project(tmp_path, SPEAK)
    with project.up("--plain") as up:
        up.ready()
        project.write("backgroundtask/work.py", configuring + SPEAK)
        up.says("Task files reloaded")
        for name in ("thread", "coroutine", "process"):
            said = project.rota("run", name, "--wait").stdout
            assert said.count(f"in a {name}") == 1, said
            assert f"INFO     | mine | in a {name}" in said
