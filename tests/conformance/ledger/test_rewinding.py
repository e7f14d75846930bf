"""A clock that was ahead and is put right: what it wrote neither holds up nor repeats anything."""

from __future__ import annotations

import pytest

from rota.core.run import State
from rota.core.time import DAY, HOUR, SECOND, Instant
from tests.conformance.ledger.desk import NOON, Desk, record

AHEAD = NOON + 3 * DAY


def rewind(desk: Desk, now: Instant) -> None:
    """Set the clock back, and tell the ledger."""
    desk.clock.at = now
    desk.do(lambda tx: tx.rewind(now))


@pytest.fixture
def ahead(desk: Desk) -> Desk:
    """A ledger whose clock is three days ahead; the task `old` was known before."""
    desk.register(record("old"))
    desk.clock.at = AHEAD
    return desk


def test_cursors_come_back(ahead: Desk) -> None:
    ahead.plan(planned_until={"old": AHEAD})
    rewind(ahead, NOON + 10)
    assert ahead.history.task("old").planned_until == NOON + 10


def test_a_clock_that_was_never_set_puts_nothing_right(ahead: Desk) -> None:
    ahead.plan(ahead.new(fire_time=NOON, state=State.MISSED), planned_until={"old": AHEAD})
    rewind(ahead, 0)
    assert ahead.history.task("old").planned_until == AHEAD
    assert ahead.states() == ["missed"]


def test_a_pause_until_a_time_to_come_stays(ahead: Desk) -> None:
    ahead.do(lambda tx: tx.pause("old", ahead.now, AHEAD + DAY, "later"))
    rewind(ahead, NOON)
    assert ahead.history.task("old").paused_until == AHEAD + DAY


def test_a_retry_waits_as_long_as_it_still_had_to(desk: Desk) -> None:
    claim = desk.running()  # begun in time, ended under the clock that was ahead
    desk.clock.at = AHEAD
    retry = desk.ending(claim, State.SCHEDULED, available_at=AHEAD + HOUR)
    desk.settle(retry)
    rewind(desk, NOON + 5)
    run, (attempt,) = desk.run(claim.run_id), desk.history.attempts(claim.run_id)
    assert run.available_at == NOON + 5 + HOUR
    assert attempt.finished_at == NOON + 5
    desk.clock.move(600)
    rewind(desk, desk.now)
    assert desk.run(claim.run_id).available_at == NOON + 5 + HOUR, "it counts only once"


def test_a_run_started_by_hand_can_start(ahead: Desk) -> None:
    (planned,) = ahead.plan(ahead.new())
    rewind(ahead, NOON)
    run = ahead.run(planned.run_id)
    assert (run.available_at, run.created_at) == (NOON, NOON)
    assert [claim.run_id for claim in ahead.claim()] == [planned.run_id]


def test_a_start_delay_counts_from_the_time_of_the_occurrence(ahead: Desk) -> None:
    ahead.plan(ahead.new(fire_time=NOON, available_at=NOON + 7 * SECOND))
    rewind(ahead, NOON)
    (run,) = ahead.active()
    assert run.available_at == NOON + 7 * SECOND


def test_what_waits_since_before_is_left_alone(desk: Desk) -> None:
    claim = desk.running()
    desk.settle(desk.ending(claim, State.SCHEDULED, available_at=NOON + DAY))
    before = desk.run(claim.run_id)
    rewind(desk, NOON)
    assert desk.run(claim.run_id) == before


@pytest.mark.parametrize("state", [State.MISSED, State.SKIPPED, State.QUEUED, State.SCHEDULED])
def test_what_was_not_run_of_the_future_gets_its_row_in_its_time(ahead: Desk, state: State) -> None:
    past, future = (ahead.new(fire_time=at, state=state) for at in (NOON - DAY, NOON + DAY))
    ahead.plan(past, future)
    rewind(ahead, NOON)
    assert [run.id for run in ahead.history.runs().runs] == [past.id]
    again = ahead.new(fire_time=NOON + DAY)
    assert [planned.run_id for planned in ahead.plan(again)] == [again.id]


def test_what_ran_keeps_its_row_and_so_does_what_was_cancelled(ahead: Desk) -> None:
    ended = ahead.ended(fire_time=NOON + DAY)
    cancelled = ahead.new("other", fire_time=NOON + DAY)
    ahead.plan(cancelled)
    ahead.do(lambda tx: tx.cancel(cancelled.id, "manually", ahead.now))
    rewind(ahead, NOON)
    assert ahead.run(ended.id) == ended
    assert ahead.run(cancelled.id).state is State.CANCELLED
    assert ahead.plan(ahead.new(fire_time=NOON + DAY)) == []


def test_what_was_skipped_in_its_time_by_whatever_clock_stays(ahead: Desk) -> None:
    ahead.plan(ahead.new(fire_time=AHEAD - SECOND, state=State.SKIPPED))
    rewind(ahead, NOON)
    assert ahead.states() == ["skipped"]


def test_times_a_little_ahead_are_those_of_another_node(desk: Desk) -> None:
    desk.register(record())
    desk.plan(desk.new(fire_time=NOON, state=State.SKIPPED), planned_until={"t": NOON})
    rewind(desk, NOON - SECOND // 2)
    assert desk.history.task("t").planned_until == NOON
    assert desk.states() == ["skipped"]
