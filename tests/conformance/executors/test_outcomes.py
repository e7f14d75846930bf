"""How attempts end, the same in every executor."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from rota.core.outcome import Outcome, OutcomeKind, TaskVerdict, VerdictKind
from rota.core.ports.executor import AttemptSpec
from rota.core.retry import is_final
from tests.conformance.executors import coroutines, tasks
from tests.conformance.executors.harness import DEADLINE, Rig, Ticket


def test_a_result_comes_back(rig: Rig) -> None:
    outcome = rig.run("add", 1, kwargs={"b": 2})
    assert (outcome.kind, outcome.result, outcome.error) == (OutcomeKind.SUCCEEDED, 3, None)


def test_the_peak_memory_of_an_attempt_is_measured(rig: Rig) -> None:
    peak = rig.run("nothing").peak_memory
    assert peak is not None
    assert 1_000_000 < peak < 2_000_000_000


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("tuple", [1, [2.5, None], {"a": True}]),
        ("long", f'"{"x" * 1_999}… (70,002 characters)'),
        ("day", "2024-02-29"),
    ],
)
def test_a_result_is_kept_as_json(rig: Rig, kind: str, kept: Any) -> None:
    assert rig.begin("give", kind).result() == kept


@pytest.mark.parametrize("kind", ["object", "nan", "surrogate", "unrepresentable"])
def test_a_result_without_a_json_form_is_a_failure_that_is_final(rig: Rig, kind: str) -> None:
    outcome = rig.run("give", kind)
    assert outcome.kind is OutcomeKind.FAILED
    assert "has no JSON form" in str(outcome.error)
    assert is_final(outcome)


def test_a_failure_comes_back_with_its_place(rig: Rig) -> None:
    outcome = rig.run("fail", "no such thing")
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error == "ValueError: no such thing"
    assert {"ValueError", "builtins.ValueError", "Exception"} <= set(outcome.error_types)
    assert "tasks.py" in str(outcome.traceback)


@pytest.mark.parametrize(
    ("args", "verdict"),
    [
        (("retry",), TaskVerdict(VerdictKind.RETRY, "the task asked for another attempt")),
        (("retry", "busy", 5, True), TaskVerdict(VerdictKind.RETRY, "busy", 5, True)),
        (("fail", "no such order"), TaskVerdict(VerdictKind.FAIL, "no such order")),
    ],
)
def test_what_a_task_decides_comes_back_with_its_failure(
    rig: Rig, args: Any, verdict: TaskVerdict
) -> None:
    outcome = rig.run("ask_to", *args)
    assert (outcome.kind, outcome.verdict) == (OutcomeKind.FAILED, verdict)
    assert "tasks.py" in str(outcome.traceback)


def test_a_task_that_skips_its_run_has_not_failed(rig: Rig) -> None:
    outcome = rig.run("ask_to", "skip", "nothing new")
    assert (outcome.kind, outcome.error) == (OutcomeKind.SUCCEEDED, None)
    assert outcome.verdict == TaskVerdict(VerdictKind.SKIP, "nothing new")
    assert rig.run("ask_in_a_group").verdict == outcome.verdict


def test_a_retry_without_a_reason_has_the_error_that_is_handled(rig: Rig) -> None:
    verdict = rig.run("ask_while_handling").verdict
    assert verdict == TaskVerdict(VerdictKind.RETRY, "ValueError: no such thing", 5)


def test_arguments_that_do_not_fit_are_a_failure(rig: Rig) -> None:
    outcome = rig.run("add", 1, kwargs={"c": 2})
    assert outcome.kind is OutcomeKind.FAILED
    assert "unexpected keyword argument 'c'" in str(outcome.error)
    assert is_final(outcome)


def test_a_type_error_of_the_body_is_not_final(rig: Rig) -> None:
    failed = rig.run("confuse")
    assert "TypeError" in failed.error_types
    assert not is_final(failed)


def test_arguments_are_made_anew_for_each_attempt(rig: Rig) -> None:
    given = {"when": "2024-02-29", "seen": []}
    for _ in range(2):
        assert rig.begin("collect", kwargs=given).result() == ["2024-02-29 date"]
    assert given == {"when": "2024-02-29", "seen": []}


@pytest.mark.parametrize("name", tasks.ODD)
def test_anything_raised_is_a_failure_of_its_run_alone(rig: Rig, name: str) -> None:
    outcome = rig.run("raise_odd", name)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error_types
    str(outcome).encode()
    assert rig.begin("add", 1).result() == 1


def test_endless_recursion_is_a_failure(rig: Rig) -> None:
    assert "RecursionError" in rig.run("overflow").error_types
    assert rig.begin("add", 1).result() == 1


def test_a_generator_is_no_success(rig: Rig) -> None:
    outcome = rig.run("generate")
    assert outcome.kind is OutcomeKind.FAILED
    assert "none of its code ran" in str(outcome.error)
    assert is_final(outcome)


def test_every_executor_runs_coroutines(rig: Rig) -> None:
    assert rig.begin(coroutines.add, 4, 5).result() == 9
    assert rig.run(coroutines.fail, "late").error == "ValueError: late"


def test_many_calls_end_once_each(rig: Rig) -> None:
    ends = Counter[AttemptSpec]()
    all_ended = threading.Event()
    tickets = [rig.ticket("add", number) for number in range(1_000)]

    def done(call: AttemptSpec, outcome: Outcome) -> None:
        assert outcome.result == call.args[0]
        ends[call] += 1
        if len(ends) == len(tickets):
            all_ended.set()

    rig.executor.submit([ticket.call for ticket in tickets], done)
    assert all_ended.wait(3 * DEADLINE), f"{len(ends)} of {len(tickets)} ended"
    assert set(ends.values()) == {1}


def test_an_error_in_a_done_callback_disturbs_no_other(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    def done(call: AttemptSpec, outcome: Outcome) -> None:
        Ticket.done(ticket, call, outcome)
        raise RuntimeError("the recorder is broken")

    for _ in range(5):
        ticket = rig.ticket("nothing")
        rig.executor.submit([ticket.call], done)
        ticket.outcome()
    assert rig.begin("add", 1).result() == 1
    assert "could not be reported" in caplog.text
