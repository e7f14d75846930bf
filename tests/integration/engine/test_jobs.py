"""Jobs: enqueued at their functions and by id, now, later, once for a key."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import rota
from rota.core.outcome import OutcomeKind
from rota.core.run import State
from rota.errors import (
    ArgumentError,
    DefinitionError,
    Mistakes,
    RunFailedError,
    StateError,
    UnknownTaskError,
)
from rota.testing import Harness, eventually

seen: list[Any] = []
go_on = threading.Event()


@rota.task(id="jobs.add")
def add(a: int, b: int = 2) -> int:
    return a + b


@rota.task(id="jobs.later")
async def later(what: str, *more: int, why: str = "") -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"what": what, "more": list(more), "why": why}


@rota.task(id="jobs.on", retry_delay=0)
def on(day: datetime, /) -> datetime:
    return day + timedelta(days=1)


@rota.task(id="jobs.fail", max_retries=3, retry_delay=0)
def fail() -> None:
    seen.append(rota.current_run().attempt)
    raise ValueError("no")


@rota.task(id="jobs.twice")
@rota.task("interval", id="jobs.every", hours=1, args=["timer"])
def twice(by: str) -> str:
    return by


@rota.task(id="jobs.notify", args=["all", "mail"], kwargs={"copies": 2})
def notify(who: str, how: str, copies: int = 1) -> str:
    return f"{who} by {how} x{copies}"


@rota.task(id="jobs.rest", args=[1, "b", "c", "d"], kwargs={"last": "z"})
def rest(first: int, /, *more: str, last: str = "") -> list[Any]:
    return [first, *more, last]


@rota.task(
    "interval", id="jobs.bill", hours=1, args=["acme"], overlap_key="customer", timeout=1_000_000
)
def bill(customer: str) -> str:
    assert customer == "acme" or go_on.wait(60)
    return customer


globals().pop("__rota_tasks__", None)  # else the next manager that starts here takes them in

EVERY = (add, later, on, fail, notify, rest, bill)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Harness]:
    """A running node that knows them all."""
    harness = Harness(tmp_path)
    for function in EVERY:
        harness.manager.add_task(function)
    with harness:
        yield harness


def test_the_function_stays_what_it_was() -> None:
    assert add(1) == 3
    assert inspect.iscoroutinefunction(later)
    assert inspect.signature(add).parameters.keys() == {"a", "b"}


def test_a_job_is_listed_and_never_due(node: Harness) -> None:
    task = node.manager.get_task("jobs.add")
    assert task is not None
    assert (task.trigger, task.status, task.next_run) == ("job", "ready", None)
    node.advance(1_000_000)
    assert node.runs() == []


def test_the_result_comes_back_as_its_annotation_says(node: Harness) -> None:
    day = datetime(2024, 2, 29, tzinfo=UTC)
    assert add.enqueue(40).result(30) == 42
    assert add.enqueue(a=1, b=1).result(30) == 2
    assert on.enqueue(day).result(30) == datetime(2024, 3, 1, tzinfo=UTC)
    found = later.enqueue("x", 1, 2, why="so").result(30)
    assert found == {"what": "x", "more": [1, 2], "why": "so"}


def test_a_handle_is_awaited(node: Harness) -> None:
    async def main() -> list[int]:
        handles = [await add.aenqueue(n) for n in range(5)]
        return list(await asyncio.gather(*map(_ended, handles)))

    async def _ended(handle: rota.RunHandle[int]) -> int:
        return await handle

    assert asyncio.run(main()) == [2, 3, 4, 5, 6]


def test_a_run_that_fails_raises_from_its_handle(node: Harness) -> None:
    seen.clear()
    handle = fail.with_options(max_retries=1).enqueue()
    with pytest.raises(RunFailedError, match="ValueError: no") as raised:
        handle.result(30)
    assert raised.value.state == "failed"
    assert seen == [1, 2]
    attempts = node.manager.history.attempts(handle.id)
    assert [one.outcome for one in attempts] == [OutcomeKind.FAILED] * 2


def test_a_delayed_job_never_starts_before_its_time(node: Harness) -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    at = add.with_options(run_at=now + timedelta(hours=1)).enqueue(1)
    after = add.with_options(delay=7_200).enqueue(2)
    at_once = add.enqueue(3)
    assert at_once.wait(30)
    assert (at.state, after.state) == ("scheduled", "scheduled")
    assert not at.wait(0)
    with pytest.raises(TimeoutError):
        at.result(0)
    node.advance(3_600)
    assert at.result(30) == 3
    assert after.state == "scheduled"
    node.advance(3_600)
    assert after.result(30) == 4


def test_a_time_without_a_zone_is_the_tasks(node: Harness) -> None:
    node.manager.add_task(add, id="berlin", timezone="Europe/Berlin")
    naive = datetime(2024, 7, 1, 12)
    handle = node.manager.enqueue("berlin", arguments={"a": 1}, run_at=naive)
    run = node.manager.get_run(handle.id)
    assert run.available_at == int(datetime(2024, 7, 1, 10, tzinfo=UTC).timestamp()) * 1_000_000


def test_what_waits_for_its_time_outlives_the_process(tmp_path: Path) -> None:
    first = Harness(tmp_path)
    first.manager.add_task(add)
    with first:
        handle = add.with_options(delay=60, timeout=7).enqueue(1)
    second = Harness(tmp_path, first.clock)
    second.manager.add_task(add)
    with second:
        second.advance(60)
        (run,) = second.ended("jobs.add")
        assert (run.id, run.state, run.result) == (handle.id, State.SUCCEEDED, 3)


def test_a_process_without_a_scheduler_enqueues_for_one_that_runs(tmp_path: Path) -> None:
    worker, web = Harness(tmp_path), Harness(tmp_path)
    worker.manager.add_task(add)
    web.manager.add_task(add, id="unseen")
    with worker:
        handle = web.manager.enqueue("jobs.add", arguments={"a": 5})
        assert handle.result(30) == 7
        assert web.manager.enqueue("unseen", arguments={"a": 5}).state == "queued"
        with pytest.raises(UnknownTaskError, match=r"jobs\.ad"):
            web.manager.enqueue("jobs.ad")
    web.manager.shutdown()


def test_many_are_enqueued_together(node: Harness) -> None:
    handles = add.enqueue_many([(1,), {"a": 2, "b": 2}, (3, 3)])
    assert [handle.result(30) for handle in handles] == [3, 4, 6]
    with pytest.raises(Mistakes) as raised:
        add.enqueue_many([(1,), ("x",), {"b": 1}])
    assert "arguments[1].a" in str(raised.value)
    assert "arguments[2].a" in str(raised.value)
    with pytest.raises(ArgumentError, match=r"calls\[0\]"):
        add.enqueue_many([1])  # type: ignore[list-item]
    assert add.enqueue_many([]) == []
    assert len(node.runs()) == 3


def test_a_key_makes_one_run(node: Harness) -> None:
    once = add.with_options(key="k", delay=60)
    first, again = once.enqueue(1), once.enqueue(2)
    assert (first, first.is_new, again.is_new) == (again, True, False)
    with pytest.raises(StateError, match="key 'k'"):
        once.with_options(on_conflict="error").enqueue(3)
    newer = once.with_options(on_conflict="replace").enqueue(4)
    assert (first.state, newer.is_new) == ("cancelled", True)
    node.advance(60)
    assert newer.result(30) == 6
    node.advance(86_400 - 61)
    assert once.enqueue(5) == newer
    node.advance(1)
    assert once.enqueue(5).is_new


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"delay": -1}, "delay"),
        ({"delay": "soon"}, "delay"),
        ({"delay": 1, "run_at": datetime(2030, 1, 1)}, "run_at"),
        ({"run_at": "2030-01-01"}, "run_at"),
        ({"priority": 1.5}, "priority"),
        ({"queue": "A queue"}, "queue"),
        ({"max_retries": -1}, "max_retries"),
        ({"timeout": 0}, "timeout"),
        ({"tags": ["Not this"]}, "tags"),
        ({"key": ""}, "key"),
        ({"key": "x" * 201}, "key"),
        ({"on_conflict": "ignore", "key": "k"}, "on_conflict"),
        ({"on_conflict": "error"}, "on_conflict"),
    ],
)
def test_a_wrong_option_is_the_callers_error(
    node: Harness, options: dict[str, Any], place: str
) -> None:
    with pytest.raises(DefinitionError) as raised:
        add.with_options(**options).enqueue(1)
    assert raised.value.where == place
    assert node.runs() == []


def test_arguments_that_do_not_fit_are_the_callers_error(node: Harness) -> None:
    untyped: Any = add
    for call, place in (
        (lambda: untyped.enqueue(), "arguments.a"),
        (lambda: untyped.enqueue("x"), "arguments.a"),
        (lambda: untyped.enqueue(1, 2, 3), "arguments"),
        (lambda: untyped.enqueue(1, a=2), "arguments.a"),
        (lambda: untyped.enqueue(1, c=2), "arguments.c"),
        (lambda: later.enqueue("x" * 2**20), "arguments"),
    ):
        with pytest.raises(ArgumentError) as raised:
            call()
        assert raised.value.where == place
    assert node.runs() == []


def test_a_retry_keeps_what_the_run_had_of_its_own(node: Harness) -> None:
    handle = fail.with_options(max_retries=0, priority=4).enqueue()
    assert handle.wait(30)
    again = node.manager.get_run(node.manager.retry_run(handle.id))
    assert (again.options, again.priority) == ({"max_retries": 0}, 4)


def test_of_several_tasks_at_a_function_the_only_job_is_enqueued(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    for id in ("jobs.every", "jobs.twice"):
        harness.manager.add_task(twice, id=id)
    with harness:
        assert twice.enqueue("hand").result(30) == "hand"
        (run,) = harness.runs()
        assert run.task_id == "jobs.twice"


def test_a_definition_without_a_trigger_is_a_job(node: Harness) -> None:
    node.manager.add_task(add, id="plain", overlap="queue", overlap_key="a")
    handles = [node.manager.enqueue("plain", arguments={"a": n}) for n in (1, 1, 2)]
    assert [handle.result(30) for handle in handles] == [3, 3, 4]
    with pytest.raises(DefinitionError, match="no argument 'z'"):
        node.manager.add_task(add, id="wrong", overlap_key="z")


def test_a_retrying_run_wakes_its_waiter_once_it_has_ended(node: Harness) -> None:
    seen.clear()
    handle = fail.enqueue()
    with pytest.raises(RunFailedError):
        handle.result(60)
    assert seen == [1, 2, 3, 4]
    assert eventually(lambda: handle.state == "failed")


def test_a_job_is_found_under_another_name_of_its_module() -> None:
    assert sys.modules[__name__].__dict__["add"] is add


def test_the_tasks_own_arguments_are_the_defaults_of_a_call(node: Harness) -> None:
    untyped: Any = notify
    assert untyped.enqueue().result(30) == "all by mail x2"
    assert untyped.enqueue("ann").result(30) == "ann by mail x2"
    assert untyped.enqueue("ann", "post", 1).result(30) == "ann by post x1"
    assert untyped.enqueue(how="post").result(30) == "all by post x2"
    assert untyped.enqueue("ann", copies=3).result(30) == "ann by mail x3"
    by_id = node.manager.enqueue("jobs.notify", arguments={"who": "bo"})
    assert by_id.result(30) == "bo by mail x2"
    assert node.manager.run_task("jobs.notify", arguments={"how": "post"})
    (run,) = [one for one in node.ended("jobs.notify") if "by post x2" in str(one.result)][:1]
    assert run.result == "all by post x2"
    with pytest.raises(ArgumentError, match="no_such"):
        untyped.enqueue(no_such=1)
    with pytest.raises(ArgumentError, match="who"):
        untyped.enqueue("ann", who="bo")
    with pytest.raises(ArgumentError, match="too many positional"):
        untyped.enqueue("ann", "post", 1, 2)


def test_positional_only_arguments_have_the_tasks_own_as_defaults(node: Harness) -> None:
    untyped: Any = rest
    assert untyped.enqueue().result(30) == [1, "b", "c", "d", "z"]
    assert untyped.enqueue(2).result(30) == [2, "b", "c", "d", "z"]
    assert untyped.enqueue(2, "x").result(30) == [2, "x", "z"]
    assert untyped.enqueue(2, "x", last="y").result(30) == [2, "x", "y"]
    assert untyped.enqueue(last="y").result(30) == [1, "b", "c", "d", "y"]


def test_an_occurrence_overlaps_only_with_runs_of_the_same_overlap_key(node: Harness) -> None:
    go_on.clear()
    other = bill.enqueue("other")
    assert eventually(lambda: other.state == "running")
    node.advance(3_600)
    occurrence = eventually(lambda: [one for one in node.runs("jobs.bill") if one.fire_time])[0]
    assert eventually(lambda: node.manager.get_run(occurrence.id).state == "succeeded")
    go_on.set()
    assert other.result(30) == "other"
