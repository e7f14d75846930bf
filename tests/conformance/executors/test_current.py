"""What a task sees of its run, and says about it, the same in every executor."""

from __future__ import annotations

import pytest

from rota.core.outcome import OutcomeKind
from rota.errors import NotRunningError
from rota.task_api.current_run import current_run
from tests.conformance.executors.harness import FIRE_TEXT, Rig, capturing


def test_a_task_sees_its_run(rig: Rig) -> None:
    tickets = [rig.begin("tell_all", attempt=number) for number in range(1, 20)]
    for ticket in tickets:
        call = ticket.call
        name = f"rota.task.{call.task_id}"
        seen = [call.run_id, call.task_id, call.attempt, FIRE_TEXT, False, name]
        assert ticket.result() == seen


def test_a_manual_start_has_no_fire_time(rig: Rig) -> None:
    assert rig.begin("tell_all", fire_time=None).result()[3] is None


def test_a_task_asks_for_the_times_around_its_run(rig: Rig) -> None:
    ticket = rig.ticket("tell_times")
    ticket.moments = {"previous_fire_time": 0, "last_success": 3_600_000_000}
    rig.executor.submit([ticket.call], ticket.done)
    assert ticket.result() == ["1970-01-01T00:00:00+00:00", None, "1970-01-01T01:00:00+00:00"]


def test_a_time_that_cannot_be_found_out_is_an_error_in_the_task(rig: Rig) -> None:
    ticket = rig.ticket("tell_times")
    ticket.refuse = OSError("the disk is away")
    rig.executor.submit([ticket.call], ticket.done)
    assert "the disk is away" in str(ticket.outcome().error)


def test_a_task_asks_for_the_runs_that_it_runs_after(rig: Rig) -> None:
    ticket = rig.ticket("tell_upstream")
    ticket.facts = [["extract", "01X", 3_600_000_000, "succeeded", {"rows": 7}]]
    rig.executor.submit([ticket.call], ticket.done)
    fire_time = "1970-01-01T01:00:00+00:00"
    assert ticket.result() == ["01X", "extract", fire_time, "succeeded", {"rows": 7}, 1]


def test_there_is_no_run_outside_of_one(rig: Rig) -> None:
    rig.run("nothing")
    with pytest.raises(NotRunningError, match="inside a task"):
        current_run()


def test_progress_is_reported(rig: Rig) -> None:
    ticket = rig.begin("report")
    ticket.result()
    assert ticket.progresses == [(1, 4, "a quarter"), (2.5, None, "")]


def test_a_checkpoint_is_stored_before_the_task_goes_on(rig: Rig) -> None:
    value = {"page": 7, "seen": (1, 2)}
    stored = {"page": 7, "seen": [1, 2]}
    ticket = rig.begin("remember", value, checkpoint={"page": 6})
    assert ticket.result() == [{"page": 6}, stored, stored]
    assert ticket.checkpoints == [stored]


def test_a_checkpoint_that_could_not_be_stored_is_an_error_in_the_task(rig: Rig) -> None:
    ticket = rig.ticket("remember", 1)
    ticket.refuse = OSError("the disk is full")
    rig.executor.submit([ticket.call], ticket.done)
    outcome = ticket.outcome()
    assert outcome.kind is OutcomeKind.FAILED
    assert "the disk is full" in str(outcome.error)


def test_a_checkpoint_must_be_json(rig: Rig) -> None:
    ticket = rig.begin("remember_object")
    assert "JSON cannot hold this object" in str(ticket.outcome().error)
    assert ticket.checkpoints == []


def test_what_is_logged_and_printed_belongs_to_its_run(rig: Rig) -> None:
    words = [f"w{number}" for number in range(20)]
    with capturing():
        tickets = [rig.begin("speak", word, 3) for word in words]
        for ticket in tickets:
            ticket.result()
    for word, ticket in zip(words, tickets, strict=True):
        assert all(text.startswith(word) for _, _, text in ticket.logs)
        assert [name for level, name, _ in ticket.logs if level == "WARNING"] == [
            "tests.speaker"
        ] * 3
        assert len([text for text in ticket.texts("STDOUT") if "printed" in text]) == 3
        assert ticket.texts("STDOUT")[-1].endswith("unfinished")
        assert ticket.texts("STDERR")[-1].endswith("complained")


def test_a_logged_exception_has_its_traceback(rig: Rig) -> None:
    with capturing():
        ticket = rig.begin("log_exception")
        ticket.result()
    [text] = ticket.texts("ERROR")
    assert text.startswith("it broke\nTraceback")
    assert text.endswith("ValueError: inner")
