"""Loading again: what changed is new, what broke keeps its last good version."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Project

VERSION = """
def f(): return {result}
TASK_DEFINITIONS = [{{"id": "f", "func": f, "trigger": "cron", "trigger_args": {{"hour": {hour}}}}}]
"""


def version(result: object, hour: object = 1) -> str:
    return VERSION.format(result=result, hour=hour)


def test_a_changed_file_is_run_afresh_under_the_same_name(project: Project) -> None:
    path = project.write("x.py", version(1))
    first = project.load()
    os.utime(path, (1, 1))
    project.write("x.py", version(2))  # as long as before,
    os.utime(path, (1, 1))  # and as old: a cached compilation would be taken for right
    second = project.load(first)
    old, new = (project.file(catalogue, "x.py").definitions[0] for catalogue in (first, second))
    assert (old.func(), new.func()) == (1, 2)
    assert import_module("backgroundtask.x").f is new.func
    assert sys.modules["backgroundtask"].x.f is new.func


def test_what_did_not_change_is_kept_as_it_is(project: Project) -> None:
    project.write("x.py", version(1))
    first = project.load()
    project.write("x.py", version(2))
    second = project.load(first)
    assert project.file(second, "good.py") is project.file(first, "good.py")


@pytest.mark.parametrize("broken", ["f = (", "TASK_DEFINITIONS = []\n1 / 0", b"\xff\xfe rota"])
def test_a_file_that_breaks_keeps_its_last_good_version(
    project: Project, broken: str | bytes
) -> None:
    path = project.write("x.py", version(1))
    first = project.load()
    path.write_bytes(broken if isinstance(broken, bytes) else broken.encode() + b"\n# rota")
    second = project.load(first)
    assert second.definitions == first.definitions
    assert len(second.errors) == 1
    assert import_module("backgroundtask.x").f() == 1
    third = project.load(second)  # still broken: still said, still there
    assert (third.definitions, len(third.errors)) == (first.definitions, 1)
    project.write("x.py", version(3))
    mended = project.load(third)
    assert mended.errors == []
    assert project.file(mended, "x.py").definitions[0].func() == 3


def test_restoring_the_last_good_version_repairs_the_task(project: Project) -> None:
    project.write("x.py", version(1))
    first = project.load()
    project.write("x.py", "TASK_DEFINITIONS = ")
    second = project.load(first)
    project.write("x.py", version(1))
    third = project.load(second)
    assert (third.errors, third.definitions) == ([], first.definitions)


def test_a_definition_that_breaks_keeps_its_last_good_version(project: Project) -> None:
    project.write("x.py", version(1))
    first = project.load()
    project.write("x.py", version(2, hour=99))
    second = project.load(first)
    assert project.file(second, "x.py").definitions == project.file(first, "x.py").definitions
    assert [error.where for error in second.errors] == [
        "backgroundtask/x.py:3, task 'f', trigger_args.hour"
    ]


def test_a_file_that_breaks_here_leaves_the_former_module(project: Project) -> None:
    project.write("x.py", version(1))
    first = project.load()
    module = sys.modules["backgroundtask.x"]
    project.write("x.py", "import os\nif 'ROTA_PROBE' not in os.environ: 1 / 0\n" + version(2))
    second = project.load(first)
    assert sys.modules["backgroundtask.x"] is module
    assert second.definitions == first.definitions


def test_what_is_removed_is_gone(project: Project) -> None:
    path = project.write("x.py", version(1))
    first = project.load()
    path.unlink()
    assert [made.id for made in project.load(first).definitions] == ["good"]
    project.write("good.py", "TASK_DEFINITIONS = []")
    assert project.load(first).definitions == []


def test_a_directory_that_goes_away_keeps_what_it_gave(project: Project) -> None:
    first = project.load()
    project.tasks.rename(project.root / "moved")
    second = project.load(first)
    assert (second.definitions, len(second.errors)) == (first.definitions, 1)


def test_an_id_that_is_free_again_is_taken(project: Project) -> None:
    project.write("x.py", version(1))
    project.write("y.py", version(2))
    first = project.load()
    assert len(first.errors) == 1
    project.write("x.py", version(1).replace('"f"', '"other"'))
    second = project.load(first)
    assert second.errors == []
    assert [made.id for made in second.definitions] == ["good", "other", "f"]


def test_the_generation_is_that_of_the_files(project: Project) -> None:
    project.write("x.py", version(1))
    first = project.load()
    assert project.load(first).generation() == first.generation() != ""
    project.write("x.py", version(2))
    second = project.load(first)
    assert second.generation() != first.generation()
    project.write("x.py", version(1))
    assert project.load(second).generation() == first.generation()


def test_a_file_that_was_cut_short_keeps_its_last_good_version(project: Project) -> None:
    before = project.load()
    project.write("good.py", "def broken(:\n")
    after = project.load(before)
    assert [one.id for one in after.definitions] == ["good"]
    assert "good.py:1" in str(after.errors[0])
    project.write("good.py", "def helps(): pass\n")
    assert project.load(after).definitions == []


def test_files_are_loaded_though_the_current_directory_was_deleted(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = project.root / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert [one.id for one in project.load().definitions] == ["good"]
