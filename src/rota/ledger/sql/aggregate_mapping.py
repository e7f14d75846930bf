"""Rows of `aggregates`, and of other sums over runs, as the records of history."""

from __future__ import annotations

from typing import Any

from rota.core.ports.records import Failures, RunSpanAggregate
from rota.core.run import FINAL, State
from rota.core.time import Instant
from rota.ledger.sql.json_batch import Row
from rota.ledger.sql.soundness import LATEST

_STATES = {state.value: state for state in State}


def state_of(word: str) -> State | None:
    """Return the state of a sum over runs, None for a word that is none."""
    return _STATES.get(word)


def due_of(oldest: Any) -> Instant | None:
    """Return the first instant of waiting runs, which may be an impossible one."""
    try:
        return None if oldest is None else min(max(int(oldest), 0), LATEST)
    except (TypeError, ValueError, OverflowError):
        return None


def bundle_of(row: Row, since: Instant, until: Instant) -> RunSpanAggregate | None:
    """Return a row of `aggregates.BUNDLES` as a bundle; None for runs whose rows are damaged.

    What began before `since` is cut there.
    """
    task_id, word, began, ended, count, first, last, begins, ends, example = row
    state = _STATES.get(word)
    if state not in FINAL or not isinstance(task_id, str):
        return None
    try:
        began, ended, count, first, last = map(int, (began, ended, count, first, last))
        begins, ends = int(begins), int(ends)
    except (TypeError, ValueError, OverflowError):
        return None
    if first >= until:
        return None
    if began < 0:
        began, first, begins = 0, since, 0
    if ends < begins:  # the clock was set back meanwhile
        ended, last, ends = began, first, begins
    return RunSpanAggregate(task_id, state, began, ended, count, first, last, begins, ends, example)


def failures_of(row: Row) -> Failures:
    """Return a row of `aggregates.FAILURES`; a text that is missing is an empty one."""
    place, task_id, kind, count, first, last, example, reason = row
    task_id, kind, reason = task_id or "", kind or "", reason or ""
    return Failures(int(place), task_id, kind, count, int(first), int(last), example, reason)
