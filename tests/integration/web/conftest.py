"""Sites: each with a manager, a ledger and a server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.web.site import Gate, Site, greet


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a site without tasks."""
    with Site(tmp_path) as site:
        yield site


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site with the task `greet`, shared by tests that leave no trace in it."""
    with Site(tmp_path_factory.mktemp("standing")) as site:
        site.add(greet)
        yield site


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Return a gate that is open at the latest when the test ends."""
    gate = Gate()
    yield gate
    gate.open.set()
