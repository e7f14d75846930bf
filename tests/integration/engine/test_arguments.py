"""What is handed in for a run arrives the same on every way, and what does not fit never starts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from rota.core.run import State
from rota.errors import ArgumentError, DefinitionError, Mistakes, RotaError
from rota.testing import Harness, eventually

DAY, NOON = date(2024, 2, 29), datetime(2024, 2, 29, 12, tzinfo=UTC)
SOON: Any = {"run_date": "2090-01-01"}
HELD: Any = {"day": date(1, 1, 1), "seen": []}


def tell(day: date, seen: list[Any], when: datetime = NOON) -> list[str]:
    """Tell the types of what arrived, and spoil it."""
    seen.append(1)
    return [repr(day), repr(when), repr(seen)]


async def tell_soon(day: date, seen: list[Any], when: datetime = NOON) -> list[str]:
    return tell(day, seen, when)


def results(rig: Harness, id: str, count: int) -> list[Any]:
    runs = rig.ended(id, count)
    assert {run.state for run in runs} == {State.SUCCEEDED}, runs
    return [run.result for run in runs]


@pytest.mark.parametrize("func", [tell, tell_soon])
@pytest.mark.parametrize("overlap", ["skip", "queue", "allow"])
def test_arguments_arrive_alike_whenever_the_run_starts(
    tmp_path: Path, overlap: str, func: Callable[..., Any]
) -> None:
    given = {"day": DAY, "seen": []}
    with Harness(tmp_path) as rig:
        rig.manager.add_task(func, "date", "tell", overlap=overlap, kwargs=HELD, **SOON)
        rig.manager.run_task("tell", arguments=given)
        rig.manager.run_many("tell", [given, {"day": "2024-02-29"}])
        for told in results(rig, "tell", 3):
            assert told[0] == repr(DAY)
            assert told[1].startswith("datetime.datetime(2024, 2, 29, 12, 0, tzinfo=")
            assert told[2] == "[1]"
        assert rig.runs("tell")[0].arguments == {"day": "2024-02-29", "seen": []}
    assert given["seen"] == []


def test_arguments_arrive_alike_after_a_restart_and_in_a_process(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.shutdown()
        rig.manager.add_task(tell, "date", "tell", executor="process", kwargs=HELD, **SOON)
        rig.manager.run_task("tell", arguments={"day": DAY, "seen": [], "when": NOON})
        rig.manager.start()
        [[day, when, seen]] = results(rig, "tell", 1)
        assert (day, seen) == (repr(DAY), "[1]")
        assert when.startswith("datetime.datetime(2024, 2, 29, 12, 0, tzinfo=")


def test_each_attempt_has_its_own_copy(tmp_path: Path) -> None:
    def spoil(shelf: list[int]) -> None:
        shelf.append(1)
        raise ValueError(str(shelf))

    with Harness(tmp_path) as rig:
        rig.manager.add_task(spoil, "date", "own", args=[[]], max_retries=2, retry_delay=0, **SOON)
        for _ in range(3):
            rig.manager.run_task("own")
        attempts = [
            one for run in rig.ended("own", 3) for one in rig.manager.history.attempts(run.id)
        ]
        assert {one.error for one in attempts} == {"ValueError: [1]"}
        assert len(attempts) == 9


@pytest.mark.parametrize(
    ("arguments", "name", "said"),
    [
        ({"nope": object()}, "nope", "tell(day: date, seen: list[Any], when: datetime = "),
        ({"day": "soon"}, "day", "valid date"),
        ({"seen": object()}, "seen", "valid list"),
        ({"seen": [float("nan")]}, "seen", "JSON has no NaN"),
        ({"seen": ["x" * 1_100_000]}, "", "1,048,576 are the most"),
        (["Ada"], "", "this list is no mapping"),
        ("Ada", "", "this str is no mapping"),
        ({1: 2}, "", "a name of type int is no text"),
    ],
)
@pytest.mark.parametrize("running", [True, False])
def test_what_does_not_fit_is_an_error_of_the_caller(
    tmp_path: Path, running: bool, arguments: Any, name: str, said: str
) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(tell, "date", "tell", kwargs={"day": DAY, "seen": []}, **SOON)
        if not running:
            rig.manager.shutdown()
        with pytest.raises(ArgumentError) as refused:
            rig.manager.run_task("tell", arguments=arguments)
        assert refused.value.name == name
        assert refused.value.where == (f"arguments.{name}" if name else "arguments")
        assert said in str(refused.value)
        assert rig.runs("tell") == []


def test_one_invalid_call_of_a_batch_starts_none_of_it(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(tell, "date", "tell", kwargs={"seen": []}, args=[DAY], **SOON)
        batch: list[Any] = [None, "Ada", {"seen": [1]}, {"seen": 1, "nope": 2}, {"day": "x"}]
        with pytest.raises(Mistakes) as refused:
            rig.manager.run_many("tell", batch)
        wheres = [error.where for error in refused.value.errors]
        assert wheres == [
            "arguments[1]",
            "arguments[3].nope",
            "arguments[3].seen",
            "arguments[4].day",
        ]
        with pytest.raises(Mistakes) as many:
            rig.manager.run_many("tell", batch[1:2] * 1_000)
        assert len(many.value.errors) == 31
        assert "and 970 more mistakes" in str(many.value)
        assert rig.runs("tell") == []
        good: list[Any] = [None, {}, {"seen": [2]}, {"day": DAY}]  # by name what `args` gives
        assert len(rig.manager.run_many("tell", good)) == 4
        assert len(rig.ended("tell", 4)) == 4


def test_a_task_without_its_code_takes_json_and_nothing_else(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        rig.manager.add_task(tell, "date", "tell", args=[DAY, []], **SOON)
        rig.manager.run_task("tell")
        rig.ended("tell")
        rig.manager.services.engine.discard("tell")
        rig.manager.run_task("tell", arguments={"anything": [1]})
        with pytest.raises(ArgumentError, match="holds a value of type UUID"):
            rig.manager.run_task("tell", arguments={"anything": UUID(int=1)})


def test_a_call_that_the_function_does_not_take_is_tried_once(tmp_path: Path) -> None:
    """As when other code took the arguments in."""

    def newer(other: int = 1) -> None: ...

    with Harness(tmp_path) as rig:
        rig.manager.add_task(tell, "date", "tell", kwargs={"day": DAY, "seen": []}, **SOON)
        rig.manager.shutdown()
        run_id = rig.manager.run_task("tell", arguments={"day": DAY})
        rig.manager.services.engine.discard("tell")
        rig.manager.add_task(newer, "date", "tell", max_retries=3, retry_delay=0, **SOON)
        rig.manager.start()
        [run] = rig.ended("tell")
        assert (run.id, run.state, run.attempt) == (run_id, State.FAILED, 1)
        assert run.reason_code == "unstartable"
        assert "got an unexpected keyword argument 'day'" in run.reason


def test_a_type_error_of_the_body_is_tried_again(tmp_path: Path) -> None:
    def body() -> None:
        raise TypeError("of the body")

    with Harness(tmp_path) as rig:
        rig.manager.add_task(body, "date", "body", max_retries=1, retry_delay=0, **SOON)
        rig.manager.run_task("body")
        [run] = rig.ended("body")
        assert (run.state, run.attempt) == (State.FAILED, 2)


def test_a_result_without_a_json_form_fails_and_is_not_tried_again(tmp_path: Path) -> None:
    def give() -> object:
        return object()

    with Harness(tmp_path) as rig:
        rig.manager.add_task(give, "date", "give", max_retries=3, retry_delay=0, **SOON)
        rig.manager.run_task("give")
        [run] = rig.ended("give")
        assert (run.state, run.attempt, run.result) == (State.FAILED, 1, None)
        assert "what it returned (of type object) has no JSON form" in run.reason


def test_definitions_keep_arguments_by_the_same_rules(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        with pytest.raises(DefinitionError, match="valid list"):
            rig.manager.add_task(tell, "date", "tell", args=[DAY, object()], **SOON)
        with pytest.raises(RotaError, match=r"It is tell\(day: date"):
            rig.manager.add_task(tell, "date", "tell", args=[DAY, [], 1, 2], **SOON)


def test_a_coroutine_behind_a_plain_decorator_is_timed_out_by_cancelling_it(
    tmp_path: Path,
) -> None:
    told: list[str] = []

    async def endless() -> None:
        told.append("begun")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    with Harness(tmp_path) as rig:
        rig.manager.add_task(lambda: endless(), "date", "endless", max_retries=0, **SOON)
        run_id = rig.manager.run_task("endless")
        eventually(lambda: told == ["begun"])
        rig.manager.cancel_run(run_id)
        [run] = rig.ended("endless")
        assert run.state is State.CANCELLED
        assert told == ["begun", "cancelled"]


@pytest.mark.parametrize("given", [None, 3])
def test_run_many_says_that_it_takes_a_list(tmp_path: Path, given: Any) -> None:
    rig = Harness(tmp_path)
    rig.manager.add_task(tell, "date", "tell", kwargs=HELD | {"day": DAY, "seen": []}, **SOON)
    with pytest.raises(ArgumentError, match=r"takes a list with the arguments of each run"):
        rig.manager.run_many("tell", given)
    rig.manager.shutdown()
