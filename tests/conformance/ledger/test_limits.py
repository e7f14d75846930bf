"""Limits of tasks and of groups, at the claim and where runs are given to an engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from rota.core.limits import Limit, Rate
from rota.core.ports.records import Claim, Waiting
from rota.core.run import State
from rota.core.task import Policy
from rota.core.time import SECOND
from tests.conformance.ledger.desk import Desk, Under, ids, record, take, take_all

TWO_OF_T = Under(t=[Limit("task t", task_id="t", max_running=2)])


def one_of(group: str) -> Limit:
    return Limit(f"group {group}", group=group, max_running=1)


def claim(
    desk: Desk, limits: Under, *, node: str = "a", among: Collection[str] | None = None
) -> list[Claim]:
    desk.joined(node)
    return desk.do(
        lambda tx: tx.claim(node, desk.now, 100, (), take_all, among=among, limits=limits)
    )


def offer(
    desk: Desk, limits: Under, publish: Callable[[Sequence[Waiting], Any], Collection[str]]
) -> int:
    return desk.do(lambda tx: tx.offer(desk.now, 100, (), publish, limits=limits))


def everything(runs: Sequence[Waiting], connection: Any) -> Collection[str]:
    return ids(runs)


def test_no_more_run_at_once_than_a_task_may(desk: Desk) -> None:
    planned = ids(desk.plan(*(desk.new() for _ in range(5))))
    first = claim(desk, TWO_OF_T)
    assert ids(first) == planned[:2]
    assert TWO_OF_T.full == {"task t"}
    assert claim(desk, TWO_OF_T, node="b") == []
    desk.settle(desk.ending(first[0]))
    assert ids(claim(desk, TWO_OF_T, node="b")) == planned[2:3]
    assert [desk.run(id_).state for id_ in planned[3:]] == [State.QUEUED, State.QUEUED]


def test_a_group_counts_the_runs_of_all_its_tasks(desk: Desk) -> None:
    desk.register(*(record(name, policy=Policy(group="db")) for name in ("s", "t", "u")))
    limits = Under(s=[one_of("db")], t=[one_of("db")])
    desk.running("u")  # of a task that the others' node may not know
    planned = ids(desk.plan(desk.new("s"), desk.new("t"), desk.new("free")))
    assert ids(claim(desk, limits)) == planned[2:]
    assert limits.full == {"group db"}


def test_a_task_that_leaves_its_group_counts_no_longer(desk: Desk) -> None:
    desk.register(record("s", policy=Policy(group="db")))
    desk.running("s")
    desk.register(record("s", policy=Policy()))
    (planned,) = desk.plan(desk.new("t"))
    assert ids(claim(desk, Under(t=[one_of("db")]))) == [planned.run_id]


def test_a_task_and_a_group_of_one_name_are_two_limits(desk: Desk) -> None:
    desk.register(record("db"), record("t", policy=Policy(group="db")))
    limits = Under(db=[Limit("task db", task_id="db", max_running=1)], t=[one_of("db")])
    planned = desk.plan(desk.new("db"), desk.new("t"))
    assert ids(claim(desk, limits)) == ids(planned)


def test_a_rate_lets_one_start_after_the_other(desk: Desk) -> None:
    limits = Under(t=[Limit("task t", task_id="t", rate=Rate(2, SECOND))])
    planned = ids(desk.plan(*(desk.new() for _ in range(3))))
    assert ids(claim(desk, limits)) == planned[:1]
    assert limits.until == desk.now + SECOND // 2
    assert claim(desk, limits, node="b") == []
    desk.clock.move(0.5)
    assert ids(claim(desk, limits, node="b")) == planned[1:2]
    desk.clock.move(10)
    assert ids(claim(desk, limits)) == planned[2:]
    assert limits.full == set()
    assert limits.until is None


def test_what_the_judge_leaves_spends_nothing(desk: Desk) -> None:
    limits = Under(t=[Limit("task t", task_id="t", max_running=1, rate=Rate(1, SECOND))])
    first, second = ids(desk.plan(desk.new(), desk.new()))
    desk.joined("a")
    leave: Any = take("none")
    assert desk.do(lambda tx: tx.claim("a", desk.now, 9, (), leave, limits=limits)) == []
    assert ids(claim(desk, limits)) == [first]
    assert desk.run(second).state is State.QUEUED


def test_no_more_are_given_to_an_engine_than_could_start(desk: Desk) -> None:
    planned = ids(desk.plan(*(desk.new() for _ in range(5))))
    given: list[str] = []

    def publish(runs: Sequence[Waiting], connection: Any) -> Collection[str]:
        given.extend(ids(runs))
        return ids(runs)

    assert offer(desk, TWO_OF_T, publish) == 5
    assert offer(desk, TWO_OF_T, publish) == 3
    assert given == planned[:2]
    started = claim(desk, TWO_OF_T, among=planned[:2])
    assert ids(started) == planned[:2]
    offer(desk, TWO_OF_T, publish)
    assert given == planned[:2]
    desk.settle(desk.ending(started[0]))
    offer(desk, TWO_OF_T, publish)
    assert given == planned[:3]


def test_a_rate_gives_an_engine_one_at_a_time(desk: Desk) -> None:
    limits = Under(t=[Limit("task t", task_id="t", rate=Rate(2, SECOND))])
    planned = ids(desk.plan(*(desk.new() for _ in range(3))))
    assert offer(desk, limits, everything) == 3
    assert offer(desk, limits, everything) == 2
    assert ids(claim(desk, limits, among=planned)) == planned[:1]
    desk.clock.move(0.5)
    assert offer(desk, limits, everything) == 2
    assert offer(desk, limits, everything) == 1


def test_what_is_delivered_and_held_back_is_published_again_later(desk: Desk) -> None:
    planned = ids(desk.plan(*(desk.new() for _ in range(3))))
    assert offer(desk, Under(), everything) == 3  # by a node whose release knows no limits
    started = claim(desk, TWO_OF_T, among=planned)
    assert ids(started) == planned[:2]
    assert offer(desk, TWO_OF_T, everything) == 1
    desk.settle(desk.ending(started[0]))
    assert offer(desk, TWO_OF_T, everything) == 1
    assert ids(claim(desk, TWO_OF_T, among=planned[2:])) == planned[2:]


def test_an_unclaimed_message_blocks_a_group_only_briefly(desk: Desk) -> None:
    desk.register(*(record(name, policy=Policy(group="db")) for name in ("s", "t")))
    limits = Under(s=[one_of("db")], t=[one_of("db")])
    desk.plan(desk.new("s"))
    offer(desk, limits, everything)  # to a queue that no worker serves
    (other,) = ids(desk.plan(desk.new("t")))
    offer(desk, limits, everything)
    assert limits.full == {"group db"}
    desk.clock.move(5.1)
    offer(desk, limits, everything)
    assert ids(claim(desk, limits, among=[other])) == [other]


@pytest.mark.parametrize("limit", [Limit("task t", task_id="t", max_running=3), one_of("db")])
def test_two_nodes_together_keep_a_limit(two_desks: tuple[Desk, Desk], limit: Limit) -> None:
    desk, other = two_desks
    limits = Under(t=[limit])
    desk.register(record("t", policy=Policy(group="db")))
    desk.plan(*(desk.new() for _ in range(60)))
    desk.joined("a")
    other.joined("b")

    def ask(one: Desk, node: str) -> Future[list[Claim]]:
        return one.ledger.write(lambda tx: tx.claim(node, desk.now, 7, (), take_all, limits=limits))

    ended = 0
    while ended < 60:
        asked = [ask(desk, "a"), ask(other, "b"), ask(desk, "a"), ask(other, "b")]
        claims = [claim for future in asked for claim in future.result(timeout=90)]
        assert 1 <= len(claims) <= (limit.max_running or 0)
        for claim in claims:
            node = str(desk.run(claim.run_id).node)
            assert desk.settle(desk.ending(claim), node=node) == []
        ended += len(claims)
