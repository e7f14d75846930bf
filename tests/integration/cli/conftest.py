"""Projects for the tests of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project that nothing runs in yet."""
    return Project(tmp_path)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with a `rota up`, shared by the tests of a module."""
    project = Project(tmp_path_factory.mktemp("running"))
    with project.up() as up:
        up.ready()
        yield project
