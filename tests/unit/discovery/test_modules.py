"""The function that a worker process finds by its path."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from rota.discovery.finder import read
from rota.discovery.importer import load_function, load_module, module_name

if TYPE_CHECKING:
    from .conftest import Project


def test_a_reference_names_the_function_of_the_task_file(project: Project) -> None:
    made = project.load().definitions[0]
    assert made.source is not None
    root = str(project.root)
    assert load_function(made.source.file, made.func_path, root) is made.func
    assert load_function(f"{root}/backgroundtask/good.py", made.func_path, root) is made.func
    assert load_function(made.source.file, "good", root) is made.func


def test_a_reference_may_name_a_module_that_the_task_file_imports(project: Project) -> None:
    (project.root / "shop.py").write_text(
        "class Shop:\n    @staticmethod\n    def open(): return 3"
    )
    project.write("x.py", "from shop import Shop\nTASK_DEFINITIONS = []")
    assert load_function("backgroundtask/x.py", "shop:Shop.open", str(project.root))() == 3
    assert load_function(None, "shop:Shop.open", str(project.root))() == 3


def test_a_script_is_imported_by_its_file(project: Project) -> None:
    (project.root / "script.py").write_text("def job(): return __name__")
    assert load_function("script.py", "__main__:job", str(project.root))() == "script"


def test_a_worker_process_finds_every_function_by_its_path(project: Project) -> None:
    project.write("my-tasks.py", (project.tasks / "good.py").read_text().replace("good", "odd"))
    for made in project.load().definitions:
        assert made.source is not None
        call = f"{(made.source.file, made.func_path, str(project.root))!r}"
        code = f"from rota.discovery import load_function; print(load_function(*{call}).__name__)"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == made.id


def test_what_is_not_there_raises(project: Project) -> None:
    with pytest.raises(AttributeError):
        load_function("backgroundtask/good.py", "backgroundtask.good:bad", str(project.root))
    with pytest.raises(ModuleNotFoundError):
        load_function(None, "no_such_module:f", str(project.root))


def test_a_file_has_the_name_by_which_a_directory_on_the_path_gives_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = project.root / "src" / "shopping" / "tasks"
    tasks.mkdir(parents=True)
    for package in (tasks.parent, tasks):
        (package / "__init__.py").touch()
    (tasks.parent / "models.py").write_text("once = []")
    path = tasks / "buy.py"
    path.write_text("from ..models import once\nonce.append(__name__)")
    monkeypatch.syspath_prepend(str(project.root / "src"))
    module = load_module(read(path, project.root), project.root)
    assert module.__name__ == "shopping.tasks.buy"
    assert import_module("shopping.models").once == ["shopping.tasks.buy"]
    monkeypatch.syspath_prepend(str(tasks))  # as for a script that lies beside it
    assert module_name(path, project.root) == "shopping.tasks.buy"


def test_another_project_of_the_same_shape_gets_names_of_its_own(project: Project) -> None:
    first = project.load().definitions[0]
    other = project.root / "other"
    (other / "backgroundtask").mkdir(parents=True)
    (other / "backgroundtask" / "good.py").write_text((project.tasks / "good.py").read_text())
    second = load_function("backgroundtask/good.py", "good", str(other))
    assert second is not first.func
    assert load_function("backgroundtask/good.py", "good", str(project.root)) is first.func


def test_a_file_that_broke_meanwhile_keeps_its_last_good_version(project: Project) -> None:
    call = ("backgroundtask/good.py", "backgroundtask.good:good", str(project.root))
    good = load_function(*call)
    project.write("good.py", "TASK_DEFINITIONS = (")
    assert load_function(*call) is good
    project.write("worse.py", "TASK_DEFINITIONS = (")
    with pytest.raises(SyntaxError):
        load_function("backgroundtask/worse.py", "f", str(project.root))


def test_a_script_needs_no_suffix(project: Project) -> None:
    (project.root / "manage").write_text("def job(): return 3")
    assert load_function("manage", "__main__:job", str(project.root))() == 3
