"""A ledger that is closed while others still ask it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rota.errors import LedgerUnavailableError
from rota.ledger.sqlite.database import SqliteFile


def test_a_look_for_commits_ends_before_its_connection_is_closed(tmp_path: Path) -> None:
    """The driver would use memory that SQLite has freed, which ends the process."""
    database = SqliteFile("sqlite:///rota.db", tmp_path / "rota.db")
    database.open()
    connections = database._open
    assert connections is not None
    closing = threading.Thread(target=database.close)
    with connections._watching:  # a look is under way
        closing.start()
        closing.join(1)
        assert connections._watcher.execute("PRAGMA data_version").fetchone()
    closing.join(90)
    assert not closing.is_alive()
    with pytest.raises(LedgerUnavailableError, match="closed"):
        database.version()


def test_a_read_after_closing_raises_that_the_ledger_is_closed(tmp_path: Path) -> None:
    database = SqliteFile("sqlite:///rota.db", tmp_path / "rota.db")
    database.open()
    connections = database._open
    assert connections is not None
    database.close()
    with pytest.raises(LedgerUnavailableError, match="closed"):
        connections.data_version()
