"""Several nodes on one ledger: threads, processes, and one that is killed."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rota.core.ports.ledger import Transaction
from rota.core.ports.records import Claim, OnConflict
from rota.core.run import State, Step
from rota.core.task import Overlap
from tests import forked
from tests.conformance.ledger.desk import NOON, Desk, ids, record, take_all, until
from tests.conformance.ledger.racer import KEYS, OCCURRENCES

PROJECT = Path(__file__).parents[3]


class Racer:
    """A process of `racer`; see there."""

    def __init__(self, url: str, verb: str) -> None:
        command = [sys.executable, "-m", "tests.conformance.ledger.racer", url, verb]
        self._process = forked.start(command, PROJECT, os.environ, err=sys.stderr, takes_input=True)
        assert self.hear() == "ready"

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def kill(self) -> list[Any]:
        """Kill it as no process can prevent, and return what it still had said."""
        self._process.kill()
        rest, _ = self._process.communicate(timeout=30)
        return [json.loads(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]


@contextmanager
def racing(url: str, *verbs: str) -> Iterator[list[Racer]]:
    racers = [Racer(url, verb) for verb in verbs]
    try:
        for racer in racers:
            racer.go()
        yield racers
    finally:
        for racer in racers:
            racer.kill()


def at_once(*calls: Callable[[], list[str]]) -> list[list[str]]:
    """Make the calls in threads that start together."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], list[str]]) -> list[str]:
        start.wait(90)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [done.result(60) for done in [pool.submit(run, call) for call in calls]]


def test_two_ledgers_plan_each_occurrence_once(two_desks: tuple[Desk, Desk]) -> None:
    def plan(desk: Desk) -> list[str]:
        return [
            run_id for n in range(60) for run_id in ids(desk.plan(desk.new(fire_time=NOON + n)))
        ]

    one, other = two_desks
    won = at_once(lambda: plan(one), lambda: plan(other))
    runs = one.history.runs(limit=1000).runs
    assert sorted(won[0] + won[1]) == sorted(ids(runs))
    assert sorted(run.fire_time or 0 for run in runs) == [NOON + n for n in range(60)]


def test_two_ledgers_never_claim_the_same_run(two_desks: tuple[Desk, Desk]) -> None:
    def claim(desk: Desk, node: str) -> list[str]:
        won: list[str] = []
        while claims := desk.claim(node, limit=3):
            won += ids(claims)
        return won

    one, other = two_desks
    one.plan(*(one.new(f"t{n}") for n in range(100)))
    won = at_once(lambda: claim(one, "a"), lambda: claim(other, "b"))
    assert len(set(won[0] + won[1])) == len(won[0] + won[1]) == 100
    for node, runs in zip("ab", won, strict=True):
        assert {one.run(run_id).node for run_id in runs} <= {node}


def test_a_second_ledger_object_sees_what_the_first_wrote(two_desks: tuple[Desk, Desk]) -> None:
    one, other = two_desks
    before = other.ledger.version()
    one.plan(one.new())
    until(lambda: other.ledger.version() != before)
    assert other.states() == ["queued"]


def test_processes_plan_each_occurrence_once_from_an_empty_ledger(shared_url: str) -> None:
    with racing(shared_url, "plan", "plan", "plan") as racers:
        won = [run_id for racer in racers for run_id in racer.hear()]
    with Desk(shared_url) as desk:
        runs = desk.history.runs(limit=10_000).runs
    assert sorted(won) == sorted(ids(runs))
    assert len({run.fire_time for run in runs}) == len(runs) == OCCURRENCES


def test_processes_never_claim_the_same_run(shared_url: str) -> None:
    with Desk(shared_url) as desk:
        desk.plan(*(desk.new(f"t{n}") for n in range(100)))
        desk.join()
        with racing(shared_url, "claim", "claim") as racers:
            won = [run_id for racer in racers for run_id in racer.hear()]
    assert len(set(won)) == len(won) == 100


def test_what_was_durable_survives_a_kill(shared_url: str) -> None:
    with racing(shared_url, "write") as (racer,):
        said = [racer.hear() for _ in range(30)]
        said += racer.kill()
    with Desk(shared_url) as desk:
        assert set(said) <= set(ids(desk.history.runs(limit=100_000).runs))
        desk.plan(desk.new())


def test_of_different_occurrences_planned_at_once_only_one_is_let_go(
    two_desks: tuple[Desk, Desk],
) -> None:
    def plan(desk: Desk, first: int) -> list[str]:
        return [
            planned.state
            for n in range(first, 60, 2)
            for planned in desk.plan(
                desk.new(f"t{n // 6}", NOON + n, overlap=Overlap.SKIP, claim="a")
            )
            if planned.state is not None
        ]

    one, other = two_desks
    one.joined("a")
    states = at_once(lambda: plan(one, 0), lambda: plan(other, 1))
    assert sorted(states[0] + states[1]) == ["running"] * 10 + ["skipped"] * 50


def test_runs_that_wait_for_each_other_are_never_claimed_at_once(
    two_desks: tuple[Desk, Desk],
) -> None:
    def work(desk: Desk, node: str) -> list[str]:
        won: list[str] = []
        while claims := desk.claim(node, limit=3) or desk.history.counts(desk.now).busy:
            if isinstance(claims, list):
                running = [run.task_id for run in desk.history.running()]
                assert len(set(running)) == len(running)
                desk.settle(*map(desk.ending, claims), node=node)
                won += ids(claims)
        return won

    one, other = two_desks
    one.plan(
        *(one.new(f"t{n % 5}", NOON + n, overlap=Overlap.QUEUE, queue_limit=100) for n in range(60))
    )
    won = at_once(lambda: work(one, "a"), lambda: work(other, "b"))
    assert len(set(won[0] + won[1])) == len(won[0] + won[1]) == 60


def test_revisions_rise_over_all_nodes(two_desks: tuple[Desk, Desk]) -> None:
    def pause(desk: Desk, task_id: str) -> list[str]:
        for n in range(30):
            desk.do(lambda tx, n=n: tx.pause(task_id, desk.now, None, str(n)))  # type: ignore[misc]
        return []

    one, other = two_desks
    one.register(record("a"), record("b"))
    first = max(task.revision for task in one.history.tasks())
    at_once(lambda: pause(one, "a"), lambda: pause(other, "b"))
    assert max(task.revision for task in one.history.tasks()) == first + 60


def test_a_step_and_the_takeover_of_its_run_do_not_pass_each_other(
    two_desks: tuple[Desk, Desk],
) -> None:
    one, other = two_desks
    old = one.running(node="a")
    other.joined("b")
    written, goes_on = threading.Event(), threading.Event()

    def remember_slowly(tx: Transaction) -> bool:
        stored = tx.remember(old.run_id, old.fence, Step("k", "v", one.now))
        written.set()
        goes_on.wait(1)  # the takeover goes on meanwhile, as far as it gets
        return stored

    def take_over(tx: Transaction) -> list[Claim]:
        tx.settle([other.ending(old, State.QUEUED)], "a")
        return tx.claim("b", other.now, 1, (), take_all)

    storing = one.ledger.write(remember_slowly)
    assert written.wait(90)
    taking = other.ledger.write(take_over)
    taking.add_done_callback(lambda _: goes_on.set())
    assert storing.result(90)
    (new,) = taking.result(90)
    assert dict(new.steps) == {"k": "v"}


def asked_at_once(url: str, on_conflict: OnConflict) -> list[list[Any]]:
    """What two processes are answered that enqueue each key at the same moment, key by key."""
    with racing(url, on_conflict, on_conflict) as racers:
        answers = []
        for _ in range(KEYS):
            for racer in racers:
                racer.go()
            answers.append([racer.hear() for racer in racers])
    return answers


def test_of_two_processes_that_enqueue_a_key_at_once_one_makes_the_run(shared_url: str) -> None:
    with Desk(shared_url) as desk:
        desk.register(record("t", trigger="job", trigger_args={}))
        for answers in asked_at_once(shared_url, OnConflict.RETURN):
            (one, one_is_new), (other, other_is_new) = answers
            assert one == other
            assert {one_is_new, other_is_new} == {True, False}
        assert desk.states() == ["queued"] * KEYS


def test_of_two_processes_that_enqueue_a_key_at_once_one_is_refused(shared_url: str) -> None:
    with Desk(shared_url) as desk:
        desk.register(record("t", trigger="job", trigger_args={}))
        for answers in asked_at_once(shared_url, OnConflict.ERROR):
            assert answers.count(None) == 1
        assert desk.states() == ["queued"] * KEYS


def test_of_two_processes_that_enqueue_a_key_at_once_the_last_replaces(shared_url: str) -> None:
    with Desk(shared_url) as desk:
        desk.register(record("t", trigger="job", trigger_args={}))
        for answers in asked_at_once(shared_url, OnConflict.REPLACE):
            states = sorted(desk.run(run_id).state for run_id, is_new in answers if is_new)
            assert states == ["cancelled", "queued"]
        assert len(desk.active()) == KEYS
