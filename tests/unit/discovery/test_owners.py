"""Task files that another user may change are not run."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rota.config.sections import ManagerSection
from rota.discovery.loader import load_directory
from tests.unit.discovery.conftest import GOOD

if TYPE_CHECKING:
    from .conftest import Project

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def refusals(project: Project) -> list[str]:
    catalogue = project.load()
    for file in catalogue.files:
        assert bool(file.errors) != bool(file.definitions)
    return [str(error) for error in catalogue.errors]


def everybody(path: Path) -> None:
    path.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IWOTH)


def test_a_file_that_everybody_may_change_is_refused(project: Project) -> None:
    file = project.write("good.py", GOOD)
    assert refusals(project) == []
    everybody(file)
    (refusal,) = refusals(project)
    assert "backgroundtask/good.py" in refusal
    assert "can be changed by any user" in refusal
    assert "chmod o-w" in refusal
    assert "check_file_owners" in refusal


def test_a_file_in_a_directory_that_everybody_may_change_is_refused(project: Project) -> None:
    (project.tasks / "good.py").unlink(missing_ok=True)
    file = project.write("deep/good.py", GOOD)
    for directory in (file.parent, project.tasks):
        mode = directory.stat().st_mode
        everybody(directory)
        (refusal,) = refusals(project)
        assert f"{directory.relative_to(project.root).as_posix()}: can be changed" in refusal
        directory.chmod(stat.S_IMODE(mode))
    assert refusals(project) == []


def test_a_link_to_a_file_that_everybody_may_change_is_refused(project: Project) -> None:
    (project.tasks / "good.py").unlink(missing_ok=True)
    elsewhere = project.root / "good.py"
    elsewhere.write_text(GOOD)
    everybody(elsewhere)
    (project.tasks / "linked.py").symlink_to(elsewhere)
    assert "can be changed by any user" in refusals(project)[0]


@ROOT
@pytest.mark.parametrize("which", ["good.py", "."])
def test_a_task_file_of_another_user_is_refused(project: Project, which: str) -> None:
    project.write("good.py", GOOD)
    os.chown(project.tasks / which, 65534, 65534)
    (refusal,) = refusals(project)
    assert "belongs to user 65534" in refusal
    assert "chown 0" in refusal


def test_what_the_group_may_change_is_not(project: Project) -> None:
    file = project.write("good.py", GOOD)
    file.chmod(0o664)
    assert refusals(project) == []


def test_files_of_other_users_can_be_allowed(project: Project) -> None:
    everybody(project.write("good.py", GOOD))
    found = load_directory("backgroundtask", project.root, ManagerSection(), check_owners=False)
    assert [one.id for one in found.definitions] == ["good"]
    assert not found.errors
