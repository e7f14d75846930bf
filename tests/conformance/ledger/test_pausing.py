"""A task that is paused, resumed, or skips an occurrence."""

from __future__ import annotations

import pytest

from rota.core.audit import Actor, Face, Verb
from rota.core.ports.records import Edits, NewRun
from rota.core.run import State
from rota.core.time import DAY, HOUR, SECOND, Instant, to_iso
from rota.core.trigger import LEAD
from rota.errors import StateError, UnknownTaskError
from rota.ledger.verbs.tasks import MOST_SKIPPED
from tests.conformance.ledger.desk import NOON, Desk, record


def test_a_pause_is_kept_with_its_reason(desk: Desk) -> None:
    desk.register(record())
    desk.do(lambda tx: tx.pause("t", desk.now, NOON + DAY, "audit"))
    desk.clock.move(60)
    stored = desk.register(record(name="Other"))["t"]
    assert (stored.paused_since, stored.paused_until) == (NOON, NOON + DAY)
    assert stored.pause_reason == "audit"


def near_and_early(desk: Desk) -> tuple[NewRun, NewRun]:
    """Two runs of "t": one written the usual moment before its instant, one before that."""
    near, early = (
        desk.new("t", fire_time=instant, available_at=instant, early=True)
        for instant in (NOON + LEAD, NOON + SECOND)
    )
    desk.register(record("t"))
    desk.plan(near, early, desk.new("other", fire_time=NOON + SECOND, available_at=NOON + SECOND))
    return near, early


def test_a_pause_takes_back_what_was_written_long_before_its_instant(desk: Desk) -> None:
    near, early = near_and_early(desk)
    desk.do(lambda tx: tx.pause("t", desk.now, NOON + SECOND + 1, "audit"))
    run = desk.run(early.id)
    assert (run.state, run.finished_at) == (State.CANCELLED, NOON)
    assert run.reason == "its task was paused before its time"
    assert desk.run(near.id).state is State.QUEUED
    assert sorted(desk.states()) == ["cancelled", "queued", "queued"]


def test_a_pause_that_ends_before_then_does_not(desk: Desk) -> None:
    _, early = near_and_early(desk)
    desk.do(lambda tx: tx.pause("t", desk.now, NOON + SECOND, "audit"))
    assert desk.run(early.id).state is State.QUEUED


def test_disabling_a_task_cancels_what_was_written_before_its_time(desk: Desk) -> None:
    near, early = near_and_early(desk)
    desk.do(lambda tx: tx.edit("t", Edits(name="T"), desk.now))
    assert desk.run(early.id).state is State.QUEUED
    desk.do(lambda tx: tx.edit("t", Edits(enabled=False), desk.now))
    assert desk.run(early.id).reason == "its task was disabled before its time"
    assert desk.run(near.id).state is State.QUEUED


def is_back(desk: Desk, run: NewRun) -> bool:
    """Say whether a run waits as if it had never been cancelled."""
    found = desk.run(run.id)
    said = found.state, found.reason, found.reason_code, found.finished_at, found.available_at
    return said == (State.QUEUED, "", None, None, run.available_at)


def test_a_pause_that_is_taken_back_in_time_gives_back_what_it_took(desk: Desk) -> None:
    _, early = near_and_early(desk)
    desk.do(lambda tx: tx.pause("t", desk.now, None, "audit"))
    desk.do(lambda tx: tx.resume("t", desk.now))
    assert is_back(desk, early)
    desk.clock.move(2)
    assert [claim.run_id for claim in desk.claim("n")] != []


def test_shortening_a_pause_gives_back_what_it_took(desk: Desk) -> None:
    _, early = near_and_early(desk)
    desk.do(lambda tx: tx.pause("t", desk.now, NOON + DAY, "audit"))
    desk.do(lambda tx: tx.pause("t", desk.now, NOON + SECOND + 1, "shorter"))
    assert desk.run(early.id).state is State.CANCELLED
    desk.do(lambda tx: tx.pause("t", desk.now, NOON + SECOND, "shorter"))
    assert is_back(desk, early)


def test_enabling_a_task_gives_back_what_it_took_unless_it_is_paused(desk: Desk) -> None:
    _, early = near_and_early(desk)
    desk.do(lambda tx: tx.edit("t", Edits(enabled=False), desk.now))
    desk.do(lambda tx: tx.pause("t", desk.now, None, "audit"))
    desk.do(lambda tx: tx.edit("t", Edits(enabled=True), desk.now))
    assert desk.run(early.id).state is State.CANCELLED
    desk.do(lambda tx: tx.edit("t", Edits(enabled=False), desk.now))
    desk.do(lambda tx: tx.resume("t", desk.now))
    assert desk.run(early.id).state is State.CANCELLED
    desk.do(lambda tx: tx.edit("t", Edits(), desk.now, reset=["enabled"]))
    assert is_back(desk, early)


def test_what_was_cancelled_stays_so_once_its_instant_has_passed(desk: Desk) -> None:
    _, early = near_and_early(desk)
    desk.do(lambda tx: tx.pause("t", desk.now, None, "audit"))
    desk.clock.move(1)
    desk.do(lambda tx: tx.resume("t", desk.now))
    assert desk.run(early.id).state is State.CANCELLED


def test_a_second_pause_keeps_since_when(desk: Desk) -> None:
    desk.register(record())
    desk.do(lambda tx: tx.pause("t", desk.now, None, "audit"))
    desk.clock.move(60)
    desk.do(lambda tx: tx.pause("t", desk.now, NOON + DAY, "longer"))
    stored = desk.history.task("t")
    assert (stored.paused_since, stored.paused_until) == (NOON, NOON + DAY)
    assert stored.pause_reason == "longer"


def skip(desk: Desk, fire_time: Instant) -> None:
    run = desk.new("t", fire_time=fire_time, state=State.SKIPPED, reason="skipped manually")
    desk.do(lambda tx: tx.skip(run, reason="painters", by=Actor(Face.REST, "ann")))


def test_a_skipped_occurrence_has_its_row_before_its_time(desk: Desk) -> None:
    desk.register(record("t"))
    before = desk.history.task("t").revision
    skip(desk, NOON + DAY)
    stored = desk.history.task("t")
    assert stored.skipped == (NOON + DAY,)
    assert stored.revision > before
    assert desk.plan(desk.new("t", fire_time=NOON + DAY)) == []
    assert desk.states() == ["skipped"]
    (change,) = desk.history.audit().changes
    assert (change.verb, change.who, change.reason) == (Verb.SKIP, "ann", "painters")
    assert (change.before, change.after) == ({"skipped": []}, {"skipped": [to_iso(NOON + DAY)]})


def test_what_has_its_row_cannot_be_skipped(desk: Desk) -> None:
    desk.register(record("t"))
    desk.plan(desk.new("t", fire_time=NOON + DAY))
    with pytest.raises(StateError, match="has its run already"):
        skip(desk, NOON + DAY)
    assert desk.history.task("t").skipped == ()
    assert desk.history.audit().changes == []
    with pytest.raises(UnknownTaskError):
        desk.do(lambda tx: tx.skip(desk.new("u", fire_time=NOON + DAY, state=State.SKIPPED)))


def test_what_was_skipped_and_is_over_is_kept_in_mind_no_more(desk: Desk) -> None:
    desk.register(record("t"))
    skip(desk, NOON + HOUR)
    skip(desk, NOON + DAY)
    assert desk.history.task("t").skipped == (NOON + HOUR, NOON + DAY)
    desk.clock.move(2 * 3600)
    skip(desk, NOON + 2 * DAY)
    assert desk.history.task("t").skipped == (NOON + DAY, NOON + 2 * DAY)
    assert desk.register(record("t"))["t"].skipped == (NOON + DAY, NOON + 2 * DAY)


def test_skipping_all_occurrences_is_refused_with_the_advice_to_pause(desk: Desk) -> None:
    desk.register(record("t"))
    for hour in range(MOST_SKIPPED):
        skip(desk, NOON + (hour + 1) * HOUR)
    with pytest.raises(StateError, match="100 occurrences"):
        skip(desk, NOON + 1000 * HOUR)
    assert len(desk.states()) == MOST_SKIPPED


def test_a_skipped_occurrence_stays_so_when_the_clock_is_put_right(desk: Desk) -> None:
    desk.register(record("t"))
    skip(desk, NOON + DAY)
    desk.do(lambda tx: tx.rewind(NOON - 60 * SECOND))
    assert desk.states() == ["skipped"]
    assert desk.history.task("t").skipped == (NOON + DAY,)


def test_resuming_catches_nothing_up(desk: Desk) -> None:
    desk.register(record())
    desk.do(lambda tx: tx.pause("t", desk.now, None, "audit"))
    now = desk.clock.move(60)
    desk.do(lambda tx: tx.resume("t", desk.now))
    stored = desk.history.task("t")
    assert (stored.paused_since, stored.pause_reason) == (None, "")
    assert (stored.off, stored.planned_until) == (((NOON, now + 1),), NOON)


def test_what_was_paused_is_known_whatever_became_of_the_pause(desk: Desk) -> None:
    desk.register(record())
    desk.do(lambda tx: tx.pause("t", desk.now, NOON + 60 * SECOND, "an hour, meant"))
    desk.clock.move(10)
    desk.do(lambda tx: tx.pause("t", desk.now, NOON + 30 * SECOND, "shorter"))
    stored = desk.history.task("t")
    assert (stored.paused_since, stored.paused_until) == (NOON, NOON + 30 * SECOND)
    now = desk.clock.move(40)
    desk.do(lambda tx: tx.pause("t", desk.now, None, "another"))
    stored = desk.history.task("t")
    assert (stored.paused_since, stored.off) == (now, ((NOON, NOON + 30 * SECOND),))
    end = desk.clock.move(10)
    desk.do(lambda tx: tx.resume("t", desk.now))
    desk.do(lambda tx: tx.resume("t", desk.now))
    assert desk.history.task("t").off == ((NOON, NOON + 30 * SECOND), (now, end + 1))
    assert desk.history.task("t").planned_until == NOON


def test_stretches_of_long_ago_are_forgotten(desk: Desk) -> None:
    desk.register(record())
    for _ in range(3):
        desk.do(lambda tx: tx.pause("t", desk.now, None, ""))
        desk.clock.move(60)
        desk.do(lambda tx: tx.resume("t", desk.now))
    assert len(desk.history.task("t").off) == 3
    now = desk.clock.move(2 * DAY / SECOND)
    desk.plan(planned_until={"t": now})
    desk.do(lambda tx: tx.pause("t", desk.now, None, ""))
    desk.do(lambda tx: tx.resume("t", desk.now))
    assert desk.history.task("t").off == ((now, now + 1),)


def test_resuming_moves_no_cursor_back(desk: Desk) -> None:
    desk.register(record())
    desk.plan(planned_until={"t": NOON + DAY})
    desk.do(lambda tx: tx.pause("t", desk.now, None, ""))
    desk.do(lambda tx: tx.resume("t", desk.now))
    assert desk.history.task("t").planned_until == NOON + DAY


def test_resuming_a_task_that_runs_loses_no_occurrence(desk: Desk) -> None:
    desk.register(record())
    desk.clock.move(60)
    desk.do(lambda tx: tx.resume("t", desk.now))
    assert desk.history.task("t").planned_until == NOON
