"""A node whose SQLite file is locked, taken away or replaced while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rota.core.run import State
from tests.fault.away.lock import locked
from tests.fault.away.node import node, read
from tests.fault.effort import effort
from tests.fault.journal import Journal
from tests.integration.cli.project import Project


@contextmanager
def moved(path: Path, elsewhere: Path) -> Iterator[None]:
    """Have the ledger's file lie elsewhere."""
    path.rename(elsewhere)
    yield
    elsewhere.rename(path)


@pytest.mark.parametrize("seconds", [3, effort(7, 60)])
def test_a_lock_of_another_program_stops_nothing_but_the_writing(
    tmp_path: Path, seconds: int
) -> None:
    path = tmp_path / "rota.db"
    with node(tmp_path, f"sqlite:///{path}") as one:
        held, late = one.begun("hold"), one.begun("late")
        before = one.weighs()
        with one.suffers(locked(path), "the ledger (took|has been away)", seconds):
            if seconds > 5:
                (report,) = one.project.lines("health", code=1)
                assert report["status"] == "degraded"
        one.comes_back()
        one.weighs_as(before)
        runs = {run.id: run for run in one.tells_the_truth()}
        assert (runs[held].state, runs[held].attempt) == (State.SUCCEEDED, 1)
        assert runs[late].reason == "timed out after 3 s"


def test_a_file_that_is_taken_away_and_put_back(tmp_path: Path) -> None:
    path = tmp_path / "rota.db"
    with node(tmp_path, f"sqlite:///{path}") as one:
        advice = "removed while it was in use.*Put the same file back"
        with one.suffers(moved(path, tmp_path / "elsewhere.db"), advice, 3):
            (report,) = one.project.lines("health", code=1)
            assert any(str(path) in reason for reason in report["reasons"])
            assert not path.exists()
        one.comes_back()
        one.tells_the_truth()


def test_another_ledger_in_its_place_stays_as_it_is(tmp_path: Path) -> None:
    path, former = tmp_path / "rota.db", tmp_path / "former.db"
    other = Project(tmp_path / "other")
    other.rota("run", "fail", code=1)
    with node(tmp_path, f"sqlite:///{path}") as one:
        before = (other.path / "rota.db").read_bytes()

        @contextmanager
        def replaced() -> Iterator[None]:
            path.rename(former)
            (other.path / "rota.db").rename(path)
            yield

        with one.suffers(replaced(), "Another file took the place.*start it again", 2):
            assert path.read_bytes() == before
        one.up.kill()
    assert path.read_bytes() == before
    # The former one has all that was acknowledged: its log went there, not into the other.
    known = {run.id for run in read(f"sqlite:///{former}")}
    assert known >= {entry.run_id for entry in Journal(tmp_path).entries()}
