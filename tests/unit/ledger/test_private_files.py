"""What rota writes is its owner's alone, whatever the umask."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from rota.config import Xcorecfg
from rota.config.writing import write
from rota.logs.file import PrivateFileHandler
from rota.runtime import private_files
from tests.conformance.ledger.desk import Desk
from tests.unit.ledger.copies import copied

UMASKS = [0o000, 0o022, 0o077, 0o277]


@pytest.fixture(params=UMASKS, ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_ledger_its_log_and_its_directory_are(umask: int, tmp_path: Path) -> None:
    file = tmp_path / "data" / "rota.db"
    with Desk(f"sqlite:///{file}") as desk:
        desk.plan(desk.new())
        found = {one.name: mode(one) for one in file.parent.iterdir()}
    assert found.keys() == {"rota.db", "rota.db-wal", "rota.db-shm"}
    assert set(found.values()) == {0o600}
    assert mode(file.parent) == 0o700


def test_a_ledger_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "rota.db"
    with Desk(f"sqlite:///{file}"):
        pass
    file.chmod(0o640)
    with Desk(f"sqlite:///{file}"):
        assert mode(file) == mode(tmp_path / "rota.db-wal") == 0o640


def test_a_ledger_behind_a_link_to_nothing_is(umask: int, tmp_path: Path) -> None:
    (tmp_path / "rota.db").symlink_to(tmp_path / "real.db")
    with Desk(f"sqlite:///{tmp_path / 'rota.db'}"):
        assert mode(tmp_path / "real.db") == 0o600


def test_a_copy_of_a_ledger_is(umask: int, tmp_path: Path) -> None:
    source, target = tmp_path / "a.db", tmp_path / "b" / "b.db"
    with Desk(f"sqlite:///{source}"):
        pass
    copied(f"sqlite:///{source}", f"sqlite:///{target}")
    assert mode(target) == 0o600
    assert mode(target.parent) == 0o700


def test_a_log_is_and_so_are_those_that_it_was_rotated_to(umask: int, tmp_path: Path) -> None:
    file = tmp_path / "logs" / "deep" / "app.log"
    private_files.make_directory(file.parent, parents=True)
    handler = PrivateFileHandler(file, maxBytes=50, backupCount=2)
    for _ in range(5):
        handler.emit(logging.makeLogRecord({"msg": "x" * 40}))
    handler.close()
    assert {one.name: mode(one) for one in file.parent.iterdir()} == dict.fromkeys(
        ("app.log", "app.log.1", "app.log.2"), 0o600
    )
    assert mode(file.parent) == mode(file.parent.parent) == 0o700


def test_a_configuration_that_is_written_is(umask: int, tmp_path: Path) -> None:
    write(Xcorecfg(), tmp_path / "config.json")
    assert mode(tmp_path / "config.json") == 0o600


@pytest.mark.parametrize("how", ["w", "x", "a", "w+b"])
def test_a_file_that_is_opened_is_when_it_is_new(how: str, umask: int, tmp_path: Path) -> None:
    with open(tmp_path / "a", how, opener=private_files.opener):
        assert mode(tmp_path / "a") == 0o600


def test_a_file_that_is_there_is_opened_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    file.chmod(0o644)
    with open(file, "a", opener=private_files.opener) as opened:
        opened.write(" and new")
    assert (file.read_text(), mode(file)) == ("old and new", 0o644)
    with pytest.raises(FileExistsError), open(file, "x", opener=private_files.opener):
        pass
