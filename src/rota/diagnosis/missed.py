""" "Missed executions": occurrences that did not run, and what will make more of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from rota.core import time_text
from rota.core.reasons import Code, TroubleCode
from rota.core.reasons.remedies import reason
from rota.core.run import Run, State
from rota.core.task import Overlap
from rota.core.time import SECOND
from rota.diagnosis import thresholds
from rota.diagnosis.evidence import DefinedTask, ProjectEvidence
from rota.diagnosis.finding import Diagnosis, note, ok, warn

_CODES = {
    State.SKIPPED: TroubleCode.RUNS_SKIPPED,
    State.MISSED: TroubleCode.RUNS_MISSED,
    State.LOST: TroubleCode.RUNS_LOST,
}
"""Of runs that have no code: rows that a release before wrote."""


def findings(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    """Look at what did not run in the last day, and at tasks that take longer than they may."""
    if evidence.ledger_trouble is not None:
        return
    record = evidence.last_day
    for unrun, count in record.unrun.most_common(thresholds.MOST_UNRUN):
        text = f"{unrun.state} {count} times: {unrun.pattern}"
        code: Code = unrun.code or _CODES[unrun.state]
        yield warn(f"task {unrun.task_id}", reason(code, text))
    if not record.unrun:
        newest = "" if record.complete else "the newest "
        why = f"{newest}{record.runs} looked at, none of them skipped, missed or lost."
        yield ok("runs of the last 24 h", why)
    if record.states[State.FAILED]:
        count = record.states[State.FAILED]
        text = f"{count} in the last 24 h."
        yield note("failed runs", reason(TroubleCode.RUNS_FAILED, text))
    for entry in evidence.entries:
        yield from _too_long(entry, evidence.last_runs.get(entry.definition.id, ()), evidence.now)


def _too_long(entry: DefinedTask, runs: Sequence[Run], now: int) -> Iterator[Diagnosis]:
    times = [
        (run.finished_at - run.started_at) / SECOND
        for run in runs
        if run.finished_at is not None and run.started_at is not None
    ]
    first = entry.trigger.next_after(now)
    second = None if first is None else entry.trigger.next_after(first)
    if not times or first is None or second is None or entry.policy.overlap is Overlap.ALLOW:
        return
    usual, every = median(times), (second - first) / SECOND
    if usual >= every:
        yield warn(
            f"task {entry.definition.id}",
            reason(
                TroubleCode.TOO_SLOW,
                f"its runs take {time_text.duration(usual)}"
                f" and it fires every {time_text.duration(every)}:"
                f" with overlap={entry.policy.overlap} it cannot keep up.",
            ),
        )
