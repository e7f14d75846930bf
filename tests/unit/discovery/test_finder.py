"""Which files are looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from rota.discovery.finder import find, read


def names(directory: Path) -> list[str]:
    return [path.relative_to(directory).as_posix() for path in find(directory)]


def touch(directory: Path, *files: str) -> None:
    for file in files:
        path = directory / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_python_files_are_found_at_every_depth_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.py", "a.py", "sub/deep/c.py", "my-tasks.py", "data.json", "d.pyc")
    assert names(tmp_path) == ["a.py", "b.py", "my-tasks.py", "sub/deep/c.py"]


def test_private_names_tests_and_environments_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "_private.py", ".hidden.py", "__init__.py", "__pycache__/a.py", "_lib/a.py")
    touch(tmp_path, "test_a.py", "a_test.py", "conftest.py", "venv/lib/a.py", "venv/pyvenv.cfg")
    assert names(tmp_path) == []


def test_links_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path, "tasks/a.py", "elsewhere/b.py")
    tasks = tmp_path / "tasks"
    (tasks / "again").symlink_to(tasks)
    (tasks / "linked").symlink_to(tmp_path / "elsewhere")
    (tasks / "same.py").symlink_to(tasks / "a.py")
    assert names(tasks) == ["a.py", "linked/b.py"]


def test_a_directory_that_is_none_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(find(tmp_path / "nowhere"))
    touch(tmp_path, "file.py")
    with pytest.raises(NotADirectoryError):
        list(find(tmp_path / "file.py"))


@pytest.mark.parametrize(
    ("text", "may_define"),
    [
        ("TASK_DEFINITIONS = []", True),
        ("def register_tasks(manager): ...", True),
        ("import rota\n@rota.task('cron', hour=1)\ndef f(): ...", True),
        ("from rota import task", True),
        ("def helper(): ...", False),
        ("rotation = 'task'", False),
    ],
)
def test_only_what_may_define_tasks_is_imported(
    tmp_path: Path, text: str, may_define: bool
) -> None:
    path = tmp_path / "a.py"
    path.write_text(text)
    assert read(path, tmp_path).may_define is may_define


def test_other_encodings_are_read_where_they_are_declared(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes("# coding: latin-1\nTASK_DEFINITIONS = ['ü']".encode("latin-1"))
    assert read(path, tmp_path).shown == "a.py"
