"""A copy of a sound ledger for each test that damages it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rota.core.time import Instant


@pytest.fixture
def copy(ledger: tuple[Path, Instant], tmp_path: Path) -> tuple[Path, Instant]:
    """Return a copy of the module's sound `ledger`, and when it ends."""
    path, now = ledger
    return Path(shutil.copy(path, tmp_path)), now
