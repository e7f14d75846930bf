"""Scenes on a ledger of each kind that several processes can share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault.kills.scene import Scene, opened
from tests.postgres import postgres as postgres


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A project on SQLite."""
    with opened(f"sqlite:///{tmp_path / 'rota.db'}") as ledger:
        yield Scene(tmp_path, ledger)


@pytest.fixture(params=["sqlite", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """A project on SQLite, and one on PostgreSQL."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'rota.db'}"
    else:
        url = request.getfixturevalue("postgres").url()
    with opened(url) as ledger:
        yield Scene(tmp_path, ledger)
