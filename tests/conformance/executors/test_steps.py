"""`rota.once`, the same in every executor."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from rota.core.outcome import OutcomeKind
from rota.errors import LedgerError
from tests.conformance.executors.harness import Rig


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_a_step_is_stored_and_done_once(rig: Rig, journal: Path) -> None:
    ticket = rig.begin("do_once", str(journal))
    assert ticket.result() == [[1, 2], [1, 2], None]
    assert ticket.steps == [("first", [1, 2]), ("second", None)]
    assert journal.read_text().split() == ["first", "second"]


def test_a_later_attempt_gets_what_was_stored(rig: Rig, journal: Path) -> None:
    ticket = rig.begin("do_once", str(journal), attempt=2, steps={"first": "stored"})
    assert ticket.result() == ["stored", "stored", None]
    assert ticket.steps == [("second", None)]
    assert journal.read_text().split() == ["second"]


def test_an_exception_is_passed_on_and_nothing_is_stored(rig: Rig, journal: Path) -> None:
    ticket = rig.begin("do_once", str(journal), "no luck")
    outcome = ticket.outcome()
    assert (outcome.kind, outcome.error) == (OutcomeKind.FAILED, "ValueError: no luck")
    assert ticket.steps == [("first", [1, 2])]


def test_a_step_that_could_not_be_stored_is_an_error_in_the_task(rig: Rig, journal: Path) -> None:
    ticket = rig.ticket("do_once", str(journal))
    ticket.refuse = LedgerError("the step was refused: this run now belongs to another node")
    rig.executor.submit([ticket.call], ticket.done)
    outcome = ticket.outcome()
    assert outcome.kind is OutcomeKind.FAILED
    assert str(outcome.error).startswith("LedgerError: ")
    assert "was refused: this run now belongs to another node" in str(outcome.error)
    assert journal.read_text().split() == ["first"]


def test_what_a_step_returns_must_be_json(rig: Rig) -> None:
    ticket = rig.begin("once_object")
    error = str(ticket.outcome().error)
    assert "once('k', …), what the function returned: JSON cannot hold this object" in error
    assert ticket.steps == []


def test_a_default_timeout_of_sockets_does_not_matter(rig: Rig, journal: Path) -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(5.0)  # as old code does, and libraries for a moment
    try:
        ticket = rig.begin("do_once", str(journal))
        assert ticket.result() == [[1, 2], [1, 2], None]
    finally:
        socket.setdefaulttimeout(before)
