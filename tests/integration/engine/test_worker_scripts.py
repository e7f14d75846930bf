"""What a worker process can import, and what a script must not do when it is imported there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import time

import rota


def work(n: int = 1):
    return n + 1


manager = rota.TaskManager()
manager.add_task(work, "date", "work", run_date="2090-01-01", executor="process")
manager.start()
run_id = manager.run_task("work")
while manager.get_run(run_id).finished_at is None:
    time.sleep(0.05)
run = manager.get_run(run_id)
nodes = manager.history.nodes()
print(run.state, run.attempt, run.result, len(nodes), run.reason, flush=True)
manager.shutdown()
"""
TYPED = """
import rota


def work():
    pass


try:
    rota.TaskManager().add_task(work, "cron", "work", hour=1, executor="process")
except rota.errors.DefinitionError as error:
    print(error)
"""


def python(directory: Path, *words: str, **options: Any) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_a_script_without_a_main_guard_starts_no_second_node(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    said = python(tmp_path, "script.py")
    assert said.startswith("failed 1 None 1 UnstartableError: ")
    assert "script.py:13, in <module>: start() was called in a worker process" in said
    assert "if __name__ == '__main__':" in said


@pytest.mark.parametrize("way", ["-c", "-"])
def test_what_no_other_process_can_read_is_refused_when_it_is_added(
    tmp_path: Path, way: str
) -> None:
    words = ("-c", TYPED) if way == "-c" else ("-",)
    said = python(tmp_path, *words, **({} if way == "-c" else {"input": TYPED}))
    assert (
        "task 'work', executor: another process cannot call it: it is defined in a notebook" in said
    )
    assert "Use a function of a module" in said


def test_what_a_notebook_defines_is_refused_when_it_is_added(tmp_path: Path) -> None:
    cell = (
        "import sys, types\n"
        "main = types.ModuleType('__main__')\n"  # as a kernel makes it
        "sys.modules['__main__'] = main\n"
        f"exec(compile({TYPED!r}, '/tmp/ipykernel_7/1.py', 'exec'), vars(main))\n"
    )
    (tmp_path / "kernel.py").write_text(cell)
    assert "it is defined in a notebook" in python(tmp_path, "kernel.py")
