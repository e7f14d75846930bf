"""What a file's own `register_tasks` adds comes and goes with the file, and only that."""

from __future__ import annotations

from importlib import import_module

import pytest

import rota
from rota.config import Xcorecfg
from rota.config.sections import ManagerSection

from .conftest import Project

OWN = """
def f(): ...
def g(): ...

def register_tasks(task_manager):
    for func in ({funcs}):
        task_manager.add_task(func, "interval", func.__name__, hours=1)
"""


def own(funcs: str) -> str:
    return OWN.format(funcs=funcs)


@pytest.fixture
def manager(project: Project) -> rota.TaskManager:
    """A manager of the project, of which `f` and `g` of x.py are known."""
    project.write("x.py", own("f, g"))
    made = rota.TaskManager(project=project.root)
    assert made.discover().errors == []
    assert known(made) == {"good", "f", "g"}
    return made


def known(manager: rota.TaskManager) -> set[str]:
    return {entry.definition.id for entry in manager.services.engine.registry.entries()}


def application() -> None:
    """Stand for what no file defines."""


def test_what_it_adds_no_longer_is_gone(project: Project, manager: rota.TaskManager) -> None:
    project.write("x.py", own("g,"))
    manager.discover()
    assert known(manager) == {"good", "g"}
    project.write("x.py", "import rota")
    manager.discover()
    assert known(manager) == {"good"}


def test_what_a_vanished_file_added_is_gone(project: Project, manager: rota.TaskManager) -> None:
    (project.tasks / "x.py").unlink()
    manager.discover()
    assert known(manager) == {"good"}


def test_an_id_that_it_leaves_is_free(project: Project, manager: rota.TaskManager) -> None:
    project.write("x.py", "import rota\n@rota.task('cron', hour=1, id='f')\ndef another(): ...")
    assert manager.discover().errors == []
    assert known(manager) == {"good", "f"}


def test_the_room_of_what_is_gone_is_free(project: Project) -> None:
    config = Xcorecfg(manager=ManagerSection(max_tasks=1))
    manager = rota.TaskManager(config, project=project.root)
    manager.discover()
    (project.tasks / "good.py").rename(project.tasks / "_good.py")
    project.write("x.py", own("f,"))
    assert manager.discover().errors == []
    project.write("x.py", "import rota\n@rota.task('cron', hour=1)\ndef h(): ...")
    assert manager.discover().errors == []
    assert known(manager) == {"h"}


def test_what_the_application_added_stays(project: Project, manager: rota.TaskManager) -> None:
    project.write("y.py", "import rota\n@rota.task('cron', hour=1, id='own')\ndef y(): ...")
    manager.add_task(application, "interval", "own", hours=1)
    (error,) = manager.discover().errors
    assert "the id 'own' is taken" in str(error)
    for name in ("x.py", "y.py"):
        (project.tasks / name).unlink()
    assert manager.discover().errors == []
    assert "own" in known(manager)


def test_what_the_application_registered_from_the_file_goes_with_it(
    project: Project, manager: rota.TaskManager
) -> None:
    import_module("backgroundtask.x").register_tasks(manager)  # as the document's main.py does
    project.write("x.py", own("g,"))
    manager.discover()
    assert known(manager) == {"good", "g"}


@pytest.mark.parametrize("gone", ["x.py", "y.py"])
def test_what_another_file_adds_too_stays(
    project: Project, manager: rota.TaskManager, gone: str
) -> None:
    project.write(
        "y.py", "from backgroundtask import x\ndef register_tasks(m): x.register_tasks(m)"
    )
    assert manager.discover().errors == []
    (project.tasks / gone).write_text("import rota")
    manager.discover()
    assert known(manager) == {"good", "f", "g"}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("def register_tasks(", "SyntaxError"),
        ("def register_tasks(task_manager): 1 / 0", "register_tasks raised ZeroDivisionError"),
        (own("g, 7"), "register_tasks raised AttributeError"),
    ],
)
def test_a_broken_version_keeps_what_the_last_good_one_added(
    project: Project, manager: rota.TaskManager, broken: str, said: str
) -> None:
    project.write("x.py", broken)
    for _ in range(2):  # still broken: still said, still there
        (error,) = manager.discover().errors
        assert said in str(error)
        assert known(manager) == {"good", "f", "g"}
    project.write("x.py", own("g,"))
    assert manager.discover().errors == []
    assert known(manager) == {"good", "g"}
