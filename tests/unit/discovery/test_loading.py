"""Sound task files: what they define, where it stands, and under which name they are imported."""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING

import pytest

from rota.config.sections import ManagerSection
from rota.core.task import ExecutorName
from rota.discovery.loader import load_file

if TYPE_CHECKING:
    from .conftest import Project

# Written as the user's document writes its container.
CONTAINER = '''
from manager.task.taskmanager import TaskManager
from manager.schemas.taskManager import TaskCreate
from loggers import get_logger

logger = get_logger("backgroundtask")

async def cleanup_old_logs():
    """
    Cleanup old log entries.
    Runs daily at midnight.
    """
    logger.info("Starting log cleanup task")

async def send_daily_reports():
    logger.info("Sending daily reports")

async def sync_external_data():
    logger.info("Starting data sync")

async def health_check():
    pass

TASK_DEFINITIONS = [
    {
        "id": "cleanup_old_logs",
        "name": "Cleanup Old Logs",
        "func": cleanup_old_logs,
        "trigger": "cron",
        "trigger_args": {"hour": 0, "minute": 0},
        "enabled": True,
        "max_retries": 3,
        "timeout": 300
    },
    {
        "id": "send_daily_reports",
        "name": "Send Daily Reports",
        "func": send_daily_reports,
        "trigger": "cron",
        "trigger_args": {"hour": 9, "minute": 0},
        "enabled": True,
        "max_retries": 2,
        "timeout": 600
    },
    {
        "id": "sync_external_data",
        "name": "Sync External Data",
        "func": sync_external_data,
        "trigger": "interval",
        "trigger_args": {"hours": 1},
        "enabled": False,  # Disabled by default
        "max_retries": 3,
        "timeout": 1800
    },
    {
        "id": "health_check",
        "name": "System Health Check",
        "func": health_check,
        "trigger": "interval",
        "trigger_args": {"minutes": 5},
        "enabled": True,
        "max_retries": 1,
        "timeout": 30
    }
]

def register_tasks(task_manager: TaskManager):
    for task_def in TASK_DEFINITIONS:
        task_manager.add_task(func=task_def["func"], trigger=task_def["trigger"])
'''


def test_the_documents_container_gives_its_four_tasks(project: Project) -> None:
    project.write("taskplugins.py", CONTAINER)
    catalogue = project.load()
    assert catalogue.errors == []
    file = project.file(catalogue, "taskplugins.py")
    assert [
        (made.id, made.name, made.enabled, made.policy.max_retries, made.policy.timeout)
        for made in file.definitions
    ] == [
        ("cleanup_old_logs", "Cleanup Old Logs", True, 3, 300),
        ("send_daily_reports", "Send Daily Reports", True, 2, 600),
        ("sync_external_data", "Sync External Data", False, 3, 1800),
        ("health_check", "System Health Check", True, 1, 30),
    ]
    first = file.definitions[0]
    assert first.func_path == "backgroundtask.taskplugins:cleanup_old_logs"
    assert first.executor is ExecutorName.ASYNC
    assert first.description == "Cleanup old log entries."
    line = CONTAINER.splitlines().index("TASK_DEFINITIONS = [") + 2
    assert str(first.source) == f"backgroundtask/taskplugins.py:{line}"
    assert file.register is None  # it would register the same tasks again


def test_the_users_own_import_gives_the_same_functions(project: Project) -> None:
    made = project.load().definitions[0]
    module = importlib.import_module("backgroundtask.good")
    assert module.good is made.func
    assert sys.modules["backgroundtask"].good is module


def test_what_the_user_imported_before_is_not_run_again(project: Project) -> None:
    project.write("once.py", "count = 0\nasync def f(): ...\nTASK_DEFINITIONS = []\ncount += 1")
    sys.path.insert(0, str(project.root))
    module = importlib.import_module("backgroundtask.once")
    vars(module)["count"] = 5
    assert project.file(project.load(), "once.py").module is module
    assert vars(module)["count"] == 5


def test_each_file_is_run_once_in_this_process(
    project: Project, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    project.write(
        "loud.py",
        """
        import logging
        print("printed while it was imported")
        logging.getLogger("loud").warning("logged while it was imported")
        TASK_DEFINITIONS = []
        """,
    )
    project.load()
    project.load()
    assert capfd.readouterr().out == "printed while it was imported\n"
    assert [record.message for record in caplog.records] == ["logged while it was imported"]


def test_a_file_whose_name_is_no_identifier_gets_a_name_of_its_own(project: Project) -> None:
    project.write(
        "my-tasks.py",
        """
        from __future__ import annotations
        import dataclasses

        @dataclasses.dataclass
        class Box:  # looks its own module up in sys.modules
            size: int = 3

        def f(): ...

        TASK_DEFINITIONS = [{"id": "f", "func": f, "trigger": "interval",
                             "trigger_args": {"hours": 1}, "executor": "process"}]
        """,
    )
    catalogue = project.load()
    assert catalogue.errors == []
    made = project.file(catalogue, "my-tasks.py").definitions[0]
    assert made.func_path.startswith("rota_task_file_my_tasks_")


def test_files_below_and_packages_with_an_init_are_loaded_too(project: Project) -> None:
    project.write("shop/__init__.py", "RATE = 3")
    project.write(
        "shop/prices.py",
        """
        from . import RATE
        from .helpers import double
        def f(): return double(RATE)
        TASK_DEFINITIONS = [{"id": "f", "func": f, "trigger": "interval",
                             "trigger_args": {"hours": 1}}]
        """,
    )
    project.write("shop/helpers.py", "def double(n): return 2 * n")
    catalogue = project.load()
    assert catalogue.errors == []
    made = project.file(catalogue, "prices.py").definitions[0]
    assert (made.func(), made.func_path) == (6, "backgroundtask.shop.prices:f")
    assert not any(file.path.name == "helpers.py" for file in catalogue.files)


def test_a_register_tasks_of_its_own_is_handed_on(project: Project) -> None:
    project.write("own.py", "def register_tasks(task_manager): return task_manager, 'added'")
    project.write("other.py", "from backgroundtask.own import register_tasks")
    catalogue = project.load()
    register = project.file(catalogue, "own.py").register
    assert register is not None
    assert register("manager") == ("manager", "added")
    assert project.file(catalogue, "other.py").register is None


def test_definitions_taken_from_another_file_count_once(project: Project) -> None:
    project.write("more.py", "from backgroundtask.good import TASK_DEFINITIONS, good")
    catalogue = project.load()
    assert (len(catalogue.definitions), catalogue.errors) == (1, [])


def test_lines_are_found_however_the_list_is_built(project: Project) -> None:
    path = project.write(
        "built.py",
        """
        async def f(): ...

        common = {"func": f, "trigger": "cron", "trigger_args": {"hour": 1}}
        TASK_DEFINITIONS: list = [
            {"id": "a", **common},
            {
                "id": "b",
                **common,
            },
        ]
        TASK_DEFINITIONS += [{**common, "id": "c"}]
        TASK_DEFINITIONS.append(
            {**common, "id": "d"})
        TASK_DEFINITIONS += [{**common, "id": f"e{n}"} for n in range(2)]
        """,
    )
    lines = path.read_text().splitlines()
    definitions = project.file(project.load(), "built.py").definitions
    found = {
        made.id: lines[made.source.line - 1].strip()
        for made in definitions
        if made.source and made.source.line
    }
    assert found == {
        "a": '{"id": "a", **common},',
        "b": "{",
        "c": 'TASK_DEFINITIONS += [{**common, "id": "c"}]',
        "d": '{**common, "id": "d"})',
        "e0": "async def f(): ...",
        "e1": "async def f(): ...",
    }


def test_a_single_file_may_be_loaded_from_anywhere(project: Project) -> None:
    path = project.root / "elsewhere.py"
    path.write_text((project.tasks / "good.py").read_text())
    file = load_file(path, project.root, ManagerSection())
    assert [made.func_path for made in file.definitions] == ["elsewhere:good"]
    assert str(file.definitions[0].source) == "elsewhere.py:5"


def test_a_missing_directory_is_reported(project: Project) -> None:
    (project.tasks / "good.py").unlink()
    project.tasks.rmdir()
    (error,) = project.load().errors
    assert str(error) == (
        "backgroundtask: the directory of task files cannot be read (No such file or directory). "
        "Create it, or name another one in manager.tasks_directory."
    )


def test_a_task_file_can_tell_that_it_is_imported_in_the_child(project: Project) -> None:
    mark = project.root / "seen.json"
    project.write(
        "told.py",
        f"""
        import json, os, sys
        with open({str(mark)!r}, "a") as out:
            print(json.dumps([os.environ.get("ROTA_PROBE"), sys.argv]), file=out)
        TASK_DEFINITIONS = []
        """,
    )
    project.load()
    child, here = map(json.loads, mark.read_text().splitlines())
    assert child == ["1", sys.argv]
    assert here == [None, sys.argv]


def test_threads_that_an_import_starts_do_not_hold_the_child(
    project: Project,
) -> None:
    project.write(
        "threads.py",
        """
        import os, threading
        TASK_DEFINITIONS = []
        if os.environ.get("ROTA_PROBE"):
            threading.Thread(target=threading.Event().wait).start()
        """,
    )
    assert project.load(timeout=5).errors == []
