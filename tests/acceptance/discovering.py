"""Runs every task of the project's task file to its end; the last line says how each ended.

A program of its own, in the project's directory. Functions that the file defines without putting
them into its TASK_DEFINITIONS are added by hand, as the document does it elsewhere.
"""

import builtins
import inspect
import json
import sys
import time
from importlib import import_module
from pathlib import Path


async def call_external_api() -> str:
    """Stand in for what the document leaves to the reader."""
    return "answer"


def main() -> None:
    """Discover, add, start, run and tell."""
    sys.path[0] = str(Path.cwd())
    vars(builtins)["call_external_api"] = call_external_api

    from manager import Manager

    if Path("auth").exists():  # the example application, not the sample container alone
        database = import_module("database.db")
        import_module("auth.models")
        import_module("plugins.my_plugin.models")
        database.Base.metadata.create_all(database.engine)
    task_manager = Manager.task_manager
    assert task_manager.discover().errors == []
    file = import_module("backgroundtask.taskplugins")
    for name, func in inspect.getmembers(file, inspect.iscoroutinefunction):
        if task_manager.get_task(name) is None:
            task_manager.add_task(func, "interval", name, hours=1)
    task_manager.start()
    runs = [task_manager.run_task(task.id) for task in task_manager.list_tasks()]
    deadline = time.monotonic() + 30
    while task_manager.history.counts(0).busy and time.monotonic() < deadline:
        time.sleep(0.02)
    ended = [task_manager.get_run(run) for run in runs]
    assert task_manager.shutdown()
    sys.stdout.write(json.dumps({run.task_id: run.state for run in ended}))


if __name__ == "__main__":
    main()
