"""When the write-ahead log is brought into the file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from rota.ledger.sqlite import checkpoints
from rota.ledger.sqlite.checkpoints import LARGE, Checkpointer
from rota.testing import eventually


class Noting(sqlite3.Connection):
    """A connection that counts how many have been closed."""

    closed = 0

    def close(self) -> None:
        super().close()
        Noting.closed += 1


def test_a_large_log_is_brought_into_the_file_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "EVERY", 0.01)
    file, log = tmp_path / "rota.db", tmp_path / "rota.db-wal"
    writer = sqlite3.connect(file, isolation_level=None)
    for statement in (
        "PRAGMA journal_mode = WAL",
        "PRAGMA wal_autocheckpoint = 0",
        "CREATE TABLE one (value BLOB)",
    ):
        writer.execute(statement).close()
    checkpointer = Checkpointer(
        str(file), lambda: sqlite3.connect(file, factory=Noting), lambda: None
    )
    try:
        lengths = []
        for word in (b"first", b"other", b"third", b"later"):
            writer.execute("INSERT INTO one VALUES (?)", [word * (LARGE // 4)]).close()
            eventually(lambda word=word: word * 9 in file.read_bytes())  # type: ignore[misc]
            done = Noting.closed + 1  # one may be under way that does not reach the end of the log
            eventually(lambda done=done: Noting.closed > done)  # type: ignore[misc]
            lengths.append(log.stat().st_size)
        assert len(set(lengths)) == 1, "each is written over the one before"
    finally:
        checkpointer.stop()
        writer.close()
