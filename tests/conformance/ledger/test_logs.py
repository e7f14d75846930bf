"""The lines of an attempt: appended, never twice, read on from where one was."""

from __future__ import annotations

from rota.core.run import LogLine, State
from tests.conformance.ledger.desk import NOON, Desk, line


def test_lines_are_read_in_their_order(desk: Desk) -> None:
    lines = [line("r", 2), line("r", 1), line("r", 1, attempt=2), line("other", 1)]
    desk.do(lambda tx: tx.log(lines))
    assert desk.history.logs("r") == [lines[1], lines[0], lines[2]]
    assert desk.history.logs("unknown") == []


def test_everything_of_a_line_is_kept(desk: Desk) -> None:
    long = LogLine("r", 3, 70_000, NOON + 1, "STDERR", "a.b", "Zeile ✓\n\ttab" + "x" * 100_000)
    desk.do(lambda tx: tx.log([long]))
    assert desk.history.logs("r") == [long]


def test_a_line_that_is_there_already_changes_nothing(desk: Desk) -> None:
    desk.do(lambda tx: tx.log([line("r", 1, "first")]))
    desk.do(lambda tx: tx.log([line("r", 1, "again"), line("r", 2, "new")]))
    assert [one.text for one in desk.history.logs("r")] == ["first", "new"]


def test_reading_goes_on_after_a_line(desk: Desk) -> None:
    lines = [line("r", seq, attempt=attempt) for attempt in (1, 2) for seq in (1, 2, 3)]
    desk.do(lambda tx: tx.log(lines))
    assert desk.history.logs("r", after=(1, 2)) == lines[2:]
    assert desk.history.logs("r", after=(1, 3), limit=2) == lines[3:5]
    assert desk.history.logs("r", after=(2, 3)) == []


def test_no_lines_are_nothing(desk: Desk) -> None:
    desk.do(lambda tx: tx.log([]))
    assert desk.history.logs("r") == []


def test_an_attempt_that_was_taken_over_says_nothing_more(desk: Desk) -> None:
    old = desk.running()
    desk.do(lambda tx: tx.log([line(old.run_id, 1, "before")]))
    desk.settle(desk.ending(old, State.QUEUED))  # crashed
    (new,) = desk.claim("b")
    late, own = line(old.run_id, 2, "late"), line(new.run_id, 1, "own", attempt=2)
    desk.do(lambda tx: tx.log([late, own]))
    assert [one.text for one in desk.history.logs(old.run_id)] == ["before", "own"]


def test_an_attempt_that_failed_may_still_say_its_last_lines(desk: Desk) -> None:
    claim = desk.running()
    desk.settle(desk.ending(claim, State.SCHEDULED))
    desk.do(lambda tx: tx.log([line(claim.run_id, 1, "why")]))
    assert [one.text for one in desk.history.logs(claim.run_id)] == ["why"]
