"""What becomes of an occurrence whose task still runs."""

from __future__ import annotations

import pytest

from rota.core.overlap import GO, ActiveRun, BlockerState, Undecided, decide, decide_waiting
from rota.core.reasons import ReasonCode
from rota.core.run import Cause, State
from rota.core.task import Overlap

RUNNING = ActiveRun("A", State.RUNNING, 1_700_000_000_000_000, "node-a")
WAITING = ActiveRun("B", State.QUEUED, None, None)


@pytest.mark.parametrize("overlap", list(Overlap))
def test_an_occurrence_runs_under_every_policy_if_no_run_blocks_it(overlap: Overlap) -> None:
    assert decide(overlap, 1, Cause.SCHEDULE, ()) == GO


def test_skip_says_which_run_was_in_the_way() -> None:
    decision = decide(Overlap.SKIP, 1, Cause.SCHEDULE, (RUNNING,))
    assert decision.skip is not None and decision.skip.text == (
        "the run of 2023-11-14T22:13:20Z was still running on node node-a"
    )


def test_skip_names_a_waiting_run_too() -> None:
    decision = decide(Overlap.SKIP, 1, Cause.SCHEDULE, (WAITING,))
    assert (
        decision.skip is not None
        and decision.skip.text == "the run started manually was still waiting to start"
    )


def test_queue_up_to_its_limit() -> None:
    assert decide(Overlap.QUEUE, 1, Cause.SCHEDULE, (RUNNING,)) == GO
    full = decide(Overlap.QUEUE, 1, Cause.SCHEDULE, (RUNNING, WAITING))
    assert (
        full.skip is not None and full.skip.text == "1 already waited in its queue (queue_limit=1)"
    )


def test_replace_ends_what_is_in_the_way() -> None:
    decision = decide(Overlap.REPLACE, 1, Cause.SCHEDULE, (RUNNING, WAITING))
    assert decision.skip is None
    assert decision.cancel == ("A", "B")


def test_allow_runs_beside() -> None:
    assert decide(Overlap.ALLOW, 1, Cause.SCHEDULE, (RUNNING,)) == GO


def test_manual_start_is_never_skipped() -> None:
    assert decide(Overlap.SKIP, 1, Cause.MANUAL, (RUNNING, WAITING)) == GO
    assert decide(Overlap.QUEUE, 1, Cause.MANUAL, (RUNNING, WAITING)) == GO


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (ReasonCode.RETRY, "waiting for its retry"),
        (ReasonCode.JITTER, "waiting for its start delay (jitter)"),
        (ReasonCode.RUN_AT, "waiting for its time"),
        (None, "waiting to start"),
    ],
)
def test_what_a_scheduled_run_waits_for_is_read_from_its_code(
    code: ReasonCode | None, words: str
) -> None:
    run = ActiveRun("B", State.SCHEDULED, None, None, code)
    decision = decide(Overlap.SKIP, 1, Cause.SCHEDULE, (run,))
    assert (
        decision.skip is not None
        and decision.skip.text == f"the run started manually was still {words}"
    )
    assert decision.skip.code is ReasonCode.OVERLAP


# --- a node that is not known to live -----------------------------------------------------------

HEARD = 1_700_000_003_000_000
DOUBTFUL = RUNNING._replace(heard_at=HEARD)


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE])
def test_a_run_of_a_node_that_may_be_gone_is_no_reason_to_skip(overlap: Overlap) -> None:
    queued = (WAITING,) if overlap is Overlap.QUEUE else ()
    decision = decide(overlap, 1, Cause.SCHEDULE, (DOUBTFUL, *queued), HEARD + 1)
    assert (decision.skip, decision.awaits) == (None, "A")
    assert "node node-a" in decision.reason.text


def test_what_its_node_was_heard_after_is() -> None:
    decision = decide(Overlap.SKIP, 1, Cause.SCHEDULE, (DOUBTFUL,), HEARD)
    assert decision.skip is not None


def test_occurrences_behind_an_undecided_one_wait_for_the_same_verdict() -> None:
    first = ActiveRun("B", State.QUEUED, HEARD + 1, None, awaits="A")
    assert decide(Overlap.SKIP, 1, Cause.SCHEDULE, (DOUBTFUL, first), HEARD + 2).awaits == "A"
    assert decide(Overlap.SKIP, 1, Cause.SCHEDULE, (first,), HEARD + 2).awaits == "A"


def test_a_run_beside_it_that_surely_goes_on_decides() -> None:
    beside = ActiveRun("C", State.RUNNING, HEARD, "node-c")
    decision = decide(Overlap.SKIP, 1, Cause.SCHEDULE, (DOUBTFUL, beside), HEARD + 1)
    assert "node-c" in str(decision.skip)


def undecided(*states: BlockerState) -> list[Undecided]:
    before = RUNNING
    return [
        Undecided(f"U{n}", HEARD + n, before, blocker_state)
        for n, blocker_state in enumerate(states)
    ]


def verdicts(
    overlap: Overlap, *states: BlockerState, limit: int = 1, waiting: int = 0
) -> list[bool]:
    """Whether each takes its turn."""
    others = [ActiveRun(f"B{n}", State.QUEUED, None, None) for n in range(waiting)]
    return [
        decision is GO for _, decision in decide_waiting(overlap, limit, undecided(*states), others)
    ]


def test_skip_lets_the_first_one_run_where_the_run_before_was_over() -> None:
    assert verdicts(Overlap.SKIP, BlockerState.ENDED, BlockerState.ENDED, BlockerState.ENDED) == [
        True,
        False,
        False,
    ]


def test_skip_lets_none_run_that_came_while_it_went_on() -> None:
    assert verdicts(
        Overlap.SKIP, BlockerState.STILL_RUNNING, BlockerState.STILL_RUNNING, BlockerState.ENDED
    ) == [False, False, True]


def test_an_undecided_occurrence_and_all_later_ones_keep_waiting() -> None:
    assert verdicts(Overlap.SKIP, BlockerState.ENDED, BlockerState.UNKNOWN, BlockerState.ENDED) == [
        True
    ]


def test_queue_counts_what_would_have_started_as_started() -> None:
    over, went_on = [BlockerState.ENDED] * 3, [BlockerState.STILL_RUNNING] * 3
    assert verdicts(Overlap.QUEUE, *over) == [True, True, False]
    assert verdicts(Overlap.QUEUE, *over, waiting=1) == [True, False, False]
    assert verdicts(Overlap.QUEUE, *went_on) == [True, False, False]
    assert verdicts(Overlap.QUEUE, *went_on, waiting=1) == [False, False, False]


def test_a_rule_that_was_changed_meanwhile_lets_all_take_their_turn() -> None:
    assert verdicts(Overlap.ALLOW, BlockerState.STILL_RUNNING, BlockerState.ENDED) == [True, True]
