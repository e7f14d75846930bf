"""What becomes of an occurrence whose task still runs."""

from __future__ import annotations

import pytest

from rota.core.overlap import GO, ActiveRun, decide
from rota.core.reasons import ReasonCode
from rota.core.run import Cause, State
from rota.core.task import Overlap

RUNNING = ActiveRun("A", State.RUNNING, 1_700_000_000_000_000, "node-a")
WAITING = ActiveRun("B", State.QUEUED, None, None)


@pytest.mark.parametrize("overlap", list(Overlap))
def test_nothing_in_the_way(overlap: Overlap) -> None:
    assert decide(overlap, 1, Cause.SCHEDULE, ()) == GO


def test_skip_says_which_run_was_in_the_way() -> None:
    decision = decide(Overlap.SKIP, 1, Cause.SCHEDULE, (RUNNING,))
    assert decision.skip_reason == (
        "the run of 2023-11-14T22:13:20Z was still going on node node-a"
    )


def test_skip_names_a_waiting_run_too() -> None:
    decision = decide(Overlap.SKIP, 1, Cause.SCHEDULE, (WAITING,))
    assert decision.skip_reason == "the run started by hand was still waiting to start"


def test_queue_up_to_its_limit() -> None:
    assert decide(Overlap.QUEUE, 1, Cause.SCHEDULE, (RUNNING,)) == GO
    full = decide(Overlap.QUEUE, 1, Cause.SCHEDULE, (RUNNING, WAITING))
    assert full.skip_reason == "1 already waited in its queue (queue_limit=1)"


def test_replace_ends_what_is_in_the_way() -> None:
    decision = decide(Overlap.REPLACE, 1, Cause.SCHEDULE, (RUNNING, WAITING))
    assert decision.skip_reason is None
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
    assert decision.skip_reason == f"the run started by hand was still {words}"
    assert decision.skip_code is ReasonCode.OVERLAP
