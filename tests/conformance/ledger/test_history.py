"""What history answers: one run, pages of runs, the last and the living ones."""

from __future__ import annotations

import pytest

from rota.core.ports.records import Backlog, Counts, RunFilter
from rota.core.run import Cause, State
from rota.core.task import Overlap
from rota.core.time import DAY, SECOND
from rota.errors import UnknownRunError
from tests.conformance.ledger.desk import NOON, Desk, ids, record, take

# --- one run ------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [slice(None), slice(20), slice(-6, None), slice(-12, None)])
def test_a_run_is_found_by_a_beginning_or_an_end_of_its_id(desk: Desk, part: slice) -> None:
    run = desk.new()
    desk.clock.move(1)  # ids of one millisecond differ only at their end
    desk.plan(run, desk.new())
    wanted = run.id[part]
    assert desk.run(wanted).id == run.id
    assert desk.run(f" {wanted.lower()} ").id == run.id


def test_a_part_that_fits_several_runs_is_refused(desk: Desk) -> None:
    run = desk.new()
    desk.plan(run, desk.new())
    with pytest.raises(UnknownRunError, match="More than one run"):
        desk.run(run.id[:10])


@pytest.mark.parametrize(
    "part", ["", "ZZZZZ", "ZZZZZZ", "zzzzzzzzzz", "%%%%%%", "ungültig", "\ud800"]
)
def test_what_fits_no_run_is_refused(desk: Desk, part: str) -> None:
    desk.plan(desk.new())
    with pytest.raises(UnknownRunError, match="No run has the id"):
        desk.run(part)


def test_less_than_six_characters_are_too_few(desk: Desk) -> None:
    run = desk.new()
    desk.plan(run)
    with pytest.raises(UnknownRunError, match="6 characters"):
        desk.run(run.id[-5:])


# --- pages --------------------------------------------------------------------------------------


def test_pages_go_through_all_runs_without_gap_or_repeat(desk: Desk) -> None:
    planned = [desk.new() for _ in range(7)]
    desk.plan(*planned)
    runs = ids(planned)
    for newest_first in (False, True):
        seen: list[str] = []
        after = None
        while True:
            page = desk.history.runs(limit=3, after=after, newest_first=newest_first)
            assert len(page.runs) <= 3
            seen += ids(page.runs)
            after = page.next
            if after is None:
                break
        assert seen == (runs[::-1] if newest_first else runs)


def test_a_last_page_that_is_full_says_that_it_is_the_last(desk: Desk) -> None:
    desk.plan(desk.new(), desk.new())
    assert desk.history.runs(limit=2).next is None


def test_what_is_written_meanwhile_does_not_shift_a_page(desk: Desk) -> None:
    runs = [desk.new() for _ in range(4)]
    desk.plan(*runs)
    page = desk.history.runs(limit=2)
    desk.plan(desk.new())
    assert ids(desk.history.runs(limit=2, after=page.next).runs) == ids(runs[1::-1])


def test_an_empty_ledger_has_one_empty_page(desk: Desk) -> None:
    page = desk.history.runs()
    assert (page.runs, page.next) == ([], None)


def every_state(desk: Desk) -> dict[State, str]:
    """Write a run in every state, of two tasks; return those of task t."""
    for task_id in ("t", "other"):
        made = {
            state: desk.ended(task_id, state).id
            for state in (State.SUCCEEDED, State.FAILED, State.LOST, State.CANCELLED)
        }
        made[State.RUNNING] = desk.running(task_id).run_id
        for state in (State.SKIPPED, State.MISSED, State.QUEUED, State.SCHEDULED):
            made[state] = desk.plan(desk.new(task_id, state=state))[0].run_id
        if task_id == "t":
            first = made
    return first


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_by_state(desk: Desk, newest_first: bool) -> None:
    made = every_state(desk)
    everything = desk.history.runs(newest_first=newest_first).runs
    choices: list[set[State]] = [{state} for state in State]
    choices += [{State.FAILED, State.LOST, State.RUNNING}, {State.SUCCEEDED, State.FAILED}]
    choices += [set(State), set()]
    for states in choices:
        where = RunFilter(states=states)
        expected = [run for run in everything if run.state in states]
        assert desk.history.runs(where, newest_first=newest_first).runs == expected
        where = RunFilter(states=states, task_id="t")
        expected = [run for run in expected if run.task_id == "t"]
        assert desk.history.runs(where, newest_first=newest_first).runs == expected
        assert set(ids(expected)) == {made[state] for state in states}


def test_pages_by_several_states_go_through_all(desk: Desk) -> None:
    every_state(desk)
    where = RunFilter(states={State.FAILED, State.LOST, State.QUEUED})
    seen: list[str] = []
    after = None
    for _ in range(6):
        page = desk.history.runs(where, limit=1, after=after)
        seen += ids(page.runs)
        after = page.next
    assert after is None
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 6


def test_pages_by_task_and_cause(desk: Desk) -> None:
    runs = [
        desk.new("a"),
        desk.new("b"),
        desk.new("a", fire_time=NOON),
        desk.new("a", fire_time=NOON - 1, cause=Cause.BACKFILL),
    ]
    desk.plan(*runs)
    history = desk.history
    assert ids(history.runs(RunFilter(task_id="a"), newest_first=False).runs) == ids(
        [runs[0], runs[2], runs[3]]
    )
    where = RunFilter(task_id="a", causes=[Cause.MANUAL, Cause.BACKFILL])
    assert ids(history.runs(where, newest_first=False).runs) == ids([runs[0], runs[3]])
    assert history.runs(RunFilter(causes=[])).runs == []


def test_pages_by_time_compare_with_the_fire_time_or_else_the_making(desk: Desk) -> None:
    old = desk.new(fire_time=NOON - DAY)  # backfilled: made now, for yesterday
    manual = desk.new()
    due = desk.new("other", fire_time=NOON + 5)
    desk.plan(old, manual, due)

    def found(since: int | None, until: int | None) -> list[str]:
        return ids(desk.history.runs(RunFilter(since=since, until=until), newest_first=False).runs)

    assert found(NOON - DAY, None) == ids([old, manual, due])
    assert found(NOON - DAY + 1, None) == ids([manual, due])
    assert found(NOON, NOON + 5) == ids([manual])
    assert found(None, NOON) == ids([old])
    assert found(NOON + 5, NOON + 6) == ids([due])
    assert found(NOON + 6, None) == []


def test_what_was_made_long_after_its_time_is_found_by_its_time(desk: Desk) -> None:
    early = desk.new(fire_time=NOON - 1)
    desk.plan(early)
    desk.clock.move(10 * DAY / SECOND)
    late = desk.new(fire_time=NOON)  # ten days of downtime
    desk.plan(late, desk.new())
    for newest_first in (True, False):
        page = desk.history.runs(RunFilter(until=NOON + 1), newest_first=newest_first)
        expected = ids([early, late])
        assert ids(page.runs) == (expected[::-1] if newest_first else expected)
    assert ids(desk.history.runs(RunFilter(until=NOON)).runs) == [early.id]
    first = desk.history.runs(RunFilter(until=NOON + 1), limit=1)
    assert ids(first.runs) == [late.id]
    after = desk.history.runs(RunFilter(until=NOON + 1), limit=1, after=first.next)
    assert ids(after.runs) == [early.id]


def test_a_row_made_a_little_before_its_fire_time_is_found(desk: Desk) -> None:
    run = desk.new(fire_time=NOON + 3600 * SECOND)  # another node's clock is ahead
    desk.plan(run)
    where = RunFilter(since=NOON + 3600 * SECOND)
    assert ids(desk.history.runs(where).runs) == [run.id]


# --- the last and the living --------------------------------------------------------------------


def test_the_last_run_is_the_one_that_started_last(desk: Desk) -> None:
    desk.register(record("t"), record("u"), record("idle"))
    early, late = desk.new(), desk.new()
    desk.plan(early, late)
    for run in (late, early):  # in the other order
        desk.clock.move(1)
        desk.claim(judge=take(run.id))
    other = desk.running("u")
    desk.plan(desk.new(), desk.new(state=State.SKIPPED), desk.new("idle"))
    last = desk.history.last_runs()
    assert {task_id: run.id for task_id, run in last.items()} == {
        "t": early.id,
        "u": other.run_id,
    }
    assert last["t"] == desk.run(early.id)
    assert desk.history.last_runs(["t", "idle", "unknown"]) == {"t": last["t"]}
    assert desk.history.last_runs([]) == {}


def test_the_recent_runs_of_several_tasks(desk: Desk) -> None:
    made: dict[str, list[str]] = {"t": [], "u": [], "other": []}
    for task_id in ("t", "u", "t", "other", "t", "t"):
        desk.clock.move(1)
        made[task_id].insert(0, desk.ended(task_id).id)
    recent = desk.history.recent_runs(["t", "u", "idle"], 3)
    assert {task_id: ids(runs) for task_id, runs in recent.items()} == {
        "t": made["t"][:3],
        "u": made["u"],
    }
    assert recent["u"] == [desk.run(made["u"][0])]
    assert desk.history.recent_runs([], 3) == {}


def test_what_runs_is_listed_oldest_first(desk: Desk) -> None:
    every_state(desk)
    running = desk.history.running()
    assert [run.state for run in running] == ["running"] * 2
    assert ids(running) == sorted(ids(running))


def test_of_what_waits_the_next_ones_are_listed(desk: Desk) -> None:
    later, sooner, last = (desk.new(available_at=NOON + n) for n in (5, 3, 9))
    desk.plan(later, sooner, last)
    desk.running("busy")
    assert ids(desk.history.waiting(2)) == [sooner.id, later.id]
    assert ids(desk.history.waiting(9)) == [sooner.id, later.id, last.id]


def test_the_backlog_is_what_waits_and_could_start(desk: Desk) -> None:
    assert desk.history.backlog(NOON) == {}
    desk.plan(desk.new("t", available_at=NOON + 5), desk.new("t", available_at=NOON + 3))
    desk.plan(desk.new("later", available_at=NOON + 9))
    desk.running("busy")
    assert desk.history.backlog(NOON + 5) == {"t": Backlog(2, NOON + 3)}
    assert desk.history.backlog(NOON + 4) == {"t": Backlog(1, NOON + 3)}


def test_counts_of_what_has_not_ended(desk: Desk) -> None:
    assert desk.history.counts(NOON) == Counts(0, 0, None)
    desk.running("a")
    desk.plan(
        desk.new(available_at=NOON + 9),
        desk.new(available_at=NOON - 3),
        desk.new(available_at=NOON - 2, overlap=Overlap.SKIP),
    )
    assert desk.history.counts(NOON) == Counts(waiting=3, running=1, oldest_due=NOON - 3)
    assert desk.history.counts(NOON - 10).oldest_due is None


def test_the_last_success_is_of_the_newest_occurrence_before_or_of_the_run_made_last(
    desk: Desk,
) -> None:
    desk.register(record())
    assert desk.history.last_success("t") is None
    second = desk.ended(fire_time=desk.now - 20 * SECOND)
    first = desk.ended(fire_time=desk.now - 30 * SECOND)
    desk.ended(state=State.FAILED, fire_time=desk.now - 10 * SECOND)
    assert desk.history.last_success("t", before=desk.now) == second
    assert desk.history.last_success("t", before=desk.now - 20 * SECOND) == first
    assert desk.history.last_success("t", before=desk.now - 30 * SECOND) is None
    assert desk.history.last_success("t") == first
    by_hand = desk.ended()
    assert desk.history.last_success("t") == by_hand
    assert desk.history.last_success("other") is None
