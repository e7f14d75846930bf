"""When the write-ahead log is brought into the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rota.ledger import checkpoints
from rota.ledger.checkpoints import LARGE, Checkpointer
from rota.testing import eventually

Write = Callable[[bytes, int], None]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rota.db"


@pytest.fixture
def write(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write so many bytes in one commit, beside a checkpointer that looks often."""
    monkeypatch.setattr(checkpoints, "EVERY", 0.01)
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").close()
    connection.execute("PRAGMA wal_autocheckpoint = 0").close()
    connection.execute("CREATE TABLE one (value BLOB)").close()
    checkpointer = Checkpointer(str(file), lambda: sqlite3.connect(file), lambda: None)

    def write(word: bytes, length: int) -> None:
        content = word * (length // len(word))
        connection.execute("INSERT INTO one VALUES (?)", [content]).close()

    yield write
    checkpointer.stop()
    connection.close()


def test_a_large_log_is_brought_into_the_file_again_and_again(file: Path, write: Write) -> None:
    log = file.with_name("rota.db-wal")
    write(b"first", 2 * LARGE)
    eventually(lambda: b"first" * 9 in file.read_bytes())
    length = log.stat().st_size
    for word in (b"again", b"later"):  # from the start of the log's file, which grows no more
        write(word, LARGE + LARGE // 2)
        eventually(lambda word=word: word * 9 in file.read_bytes())  # type: ignore[misc]
    assert log.stat().st_size == length
