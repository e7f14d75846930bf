"""What the end of an attempt amounts to."""

from __future__ import annotations

import pytest

from rota.core.outcome import SUCCEEDED, Outcome, OutcomeKind, in_time


def test_an_end_within_the_time_is_what_it_is() -> None:
    assert in_time(SUCCEEDED, 3, ended=12.9, deadline=13) == SUCCEEDED
    assert in_time(SUCCEEDED, 3, ended=13, deadline=13) == SUCCEEDED


@pytest.mark.parametrize("kind", [OutcomeKind.SUCCEEDED, OutcomeKind.FAILED])
def test_an_end_after_the_deadline_is_a_timeout_whatever_it_made(kind: OutcomeKind) -> None:
    late = in_time(Outcome(kind, result=1, peak_memory=7), 3, ended=20.7, deadline=13)
    assert (late.kind, late.result, late.error) == (
        OutcomeKind.TIMED_OUT,
        None,
        "timed out after 3 s",
    )
    assert late.peak_memory == 7
    assert "TimeoutError" in late.error_types


@pytest.mark.parametrize("kind", [OutcomeKind.CANCELLED, OutcomeKind.CRASHED])
def test_what_was_cancelled_or_crashed_stays_so(kind: OutcomeKind) -> None:
    assert in_time(Outcome(kind), 3, ended=20, deadline=13).kind is kind
