"""What `@rota.task` marks is taken in wherever it stands, once, or said with its place."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import forked
from tests.forked import ROTA

MARKED = """
import rota

@rota.task("interval", hours=1)
def {name}():
    pass
"""
LIST = """
import json
from rota.manager import Manager
print(json.dumps(sorted(task.id for task in Manager.list_tasks())))
Manager.shutdown()
"""


class Project:
    """A directory with files, in which programs are run."""

    def __init__(self, root: Path, **manager: Any) -> None:
        self.root = root
        self.write("config.json", json.dumps({"manager": manager}))

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def does(self, *words: str) -> tuple[str, str]:
        """Run Python to its end and return what it says, the last line and the errors."""
        done = forked.run([sys.executable, *words], self.root, os.environ)
        assert done.returncode == 0, done.stdout + done.stderr
        return (done.stdout.splitlines() or [""])[-1], done.stderr

    def ids(self, program: str) -> list[str]:
        """Return the ids that a program lists."""
        found: list[str] = json.loads(self.does("-c", program)[0])
        return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


START = "from rota.manager import Manager\nManager.start()\n"


def test_a_module_that_is_imported_by_the_start_is_taken_in(project: Project) -> None:
    project.write("shop/__init__.py", "")
    project.write("shop/jobs.py", MARKED.format(name="sweep"))
    project.write("idle.py", MARKED.format(name="never_imported"))
    assert project.ids(f"import shop.jobs\n{START}{LIST}") == ["sweep"]


def test_a_script_may_mark_its_own_functions(project: Project) -> None:
    text = (
        MARKED.format(name="tick")
        + """
if __name__ == "__main__":
    @rota.task("interval", hours=2)
    def inner(): ...

    def make():
        @rota.task("interval", hours=3, id="made")
        def third(): ...

    make()
    from rota.manager import Manager
    with Manager.task_manager:
"""
    )
    project.write("main.py", text + "".join(f"        {line}\n" for line in LIST.splitlines()))
    assert json.loads(project.does("main.py")[0]) == ["inner", "made", "tick"]


def test_a_script_that_is_imported_by_its_name_as_well_has_its_tasks_once(project: Project) -> None:
    text = (
        MARKED.format(name="tick")
        + f"""
if __name__ == "__main__":
    import main
    from rota.manager import Manager
    Manager.start()
    exec({LIST!r})
"""
    )
    project.write("main.py", text)
    said, errors = project.does("main.py")
    assert json.loads(said) == ["tick"]
    assert "taken" not in errors


def test_a_fastapi_application_may_mark_functions_in_its_main(project: Project) -> None:
    text = (
        MARKED.format(name="digest")
        + """
from fastapi import FastAPI

app = FastAPI(lifespan=rota.lifespan())
"""
    )
    project.write("main.py", text)
    program = f"""
import main
from fastapi.testclient import TestClient
with TestClient(main.app):
    exec({LIST.replace("Manager.shutdown()", "")!r})
"""
    said, errors = project.does("-c", program)
    assert json.loads(said) == ["digest"]
    assert "directory of task files" not in errors  # nobody needs one here


def test_a_django_application_may_mark_functions_in_its_tasks(project: Project) -> None:
    project.write("orders/__init__.py", "")
    project.write("orders/tasks.py", MARKED.format(name="remind"))
    project.write(
        "orders/apps.py",
        "from django.apps import AppConfig\n\n"
        "class Orders(AppConfig):\n    name = 'orders'\n\n    def ready(self):\n"
        "        from orders import tasks\n        from rota.manager import Manager\n"
        "        Manager.start()\n",
    )
    project.write("site_settings.py", "INSTALLED_APPS = ['orders.apps.Orders']\nSECRET_KEY = 'x'\n")
    program = (
        "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'site_settings'\n"
        f"import django\ndjango.setup()\n{LIST}"
    )
    assert project.ids(program) == ["remind"]


def test_modules_are_named_for_every_command(tmp_path: Path) -> None:
    project = Project(tmp_path, tasks_modules=["orders.tasks", "plain"])
    project.write("orders/__init__.py", "")
    project.write("orders/tasks.py", MARKED.format(name="remind"))
    project.write(
        "plain.py",
        "def f(): ...\nTASK_DEFINITIONS = [{'id': 'listed', 'func': f, 'trigger': 'interval',"
        " 'trigger_args': {'hours': 1}}]\n",
    )
    for words in (["ls", "--json"], ["check"]):
        done = forked.run([ROTA, *words], tmp_path, os.environ)
        assert done.returncode == 0, done.stdout + done.stderr
        if words[0] == "ls":
            found = [json.loads(line) for line in done.stdout.splitlines()]
            assert [(one["id"], one["file"]) for one in found] == [
                ("listed", "plain.py"),
                ("remind", "orders/tasks.py"),
            ]
    assert project.ids(f"{START}{LIST}") == ["listed", "remind"]


def test_a_named_module_that_breaks_is_reported(tmp_path: Path) -> None:
    project = Project(tmp_path, tasks_modules=["nowhere", "broken", "wrong"])
    project.write("broken.py", "import rota\n1 / 0\n")
    project.write("wrong.py", MARKED.format(name="bad").replace("hours=1", "houres=1"))
    program = """
from rota.manager import Manager
for error in Manager.discover().errors:
    print(error)
"""
    done = forked.run([sys.executable, "-c", program], tmp_path, os.environ)
    assert done.returncode == 0, done.stderr
    assert "manager.tasks_modules, nowhere: there is no module 'nowhere'." in done.stdout
    assert "broken.py:2: " in done.stdout
    assert "ZeroDivisionError" in done.stdout
    assert "wrong.py:4, task 'bad', houres: there is no such option." in done.stdout


def test_several_directories_have_task_files(tmp_path: Path) -> None:
    project = Project(tmp_path, tasks_directory=["one", "two"])
    project.write("one/a.py", MARKED.format(name="first"))
    project.write("two/b.py", MARKED.format(name="second"))
    discover = "from rota.manager import Manager\nassert not Manager.discover().errors\n"
    assert project.ids(f"{discover}{LIST}") == ["first", "second"]
    assert project.ids(f"{discover}Manager.start()\n{LIST}") == ["first", "second"]


def test_a_task_file_that_the_application_imports_too_is_taken_once(project: Project) -> None:
    project.write("backgroundtask/work.py", MARKED.format(name="sweep"))
    program = f"import backgroundtask.work\n{START}Manager.discover()\n{LIST}"
    assert project.ids(program) == ["sweep"]
    program = f"from rota.manager import Manager\nManager.discover()\nManager.start()\n{LIST}"
    assert project.ids(program) == ["sweep"]


def test_the_first_of_several_managers_takes_a_mark_and_the_other_says_so(
    project: Project,
) -> None:
    project.write("jobs.py", MARKED.format(name="sweep"))
    program = """
import json, jobs, rota
from rota.config import Xcorecfg
def make(name):
    return rota.TaskManager(Xcorecfg.model_validate({"manager": {"ledger_url": f"sqlite:///{name}.db"}}))
first, second = make("a"), make("b")
first.start()
second.start()
second.shutdown()
second.start()
print(json.dumps([len(one.list_tasks()) for one in (first, second)]))
second.shutdown()
first.shutdown()
"""
    said, errors = project.does("-c", program)
    assert json.loads(said) == [1, 0]
    assert (
        errors.count("jobs.py:4: RuntimeWarning: @rota.task 'sweep' is another task manager's") == 1
    )


def test_a_function_marked_after_the_start_is_reported_once_with_its_place(
    project: Project,
) -> None:
    project.write("late.py", MARKED.format(name="sweep"))
    said, errors = project.does("-c", f"{START}import late\n{LIST}")
    assert json.loads(said) == []
    assert errors.count("'sweep' was marked after start()") == 1
    assert "late.py:4: RuntimeWarning: @rota.task" in errors
