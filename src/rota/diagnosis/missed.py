""" "Missed executions": occurrences that did not run, and what will make more of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from rota.cli import formatting
from rota.core.run import Run, State
from rota.core.task import Overlap
from rota.core.time import SECOND
from rota.diagnosis.evidence import ProjectEvidence
from rota.diagnosis.finding import Diagnosis, note, ok, warn
from rota.engine.planning.task_registry import RegisteredTask

_REMEDIES = {
    State.SKIPPED: 'overlap="queue" or "allow" changes that, and so does a longer interval.',
    State.MISSED: 'catchup="all" runs them after a downtime; keep `rota up` running.',
    State.LOST: 'on_crash="restart" attempts them again.',
}


def findings(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    """Look at what did not run in the last day, and at tasks that take longer than they may."""
    if evidence.ledger_trouble is not None:
        return
    record = evidence.last_day
    for (task, state, reason), count in record.unrun.most_common(10):
        yield warn(f"task {task}", f"{state} {count} times: {reason}", _REMEDIES[state])
    if not record.unrun:
        newest = "" if record.complete else "the newest "
        why = f"{newest}{record.runs} looked at, none of them skipped, missed or lost."
        yield ok("runs of the last 24 h", why)
    if record.states[State.FAILED]:
        count = record.states[State.FAILED]
        yield note("failed runs", f"{count} in the last 24 h.", "rota runs --state failed")
    for entry in evidence.entries:
        yield from _too_long(entry, evidence.last_runs.get(entry.definition.id, ()), evidence.now)


def _too_long(entry: RegisteredTask, runs: Sequence[Run], now: int) -> Iterator[Diagnosis]:
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
            f"its runs take {formatting.duration(usual)}"
            f" and it fires every {formatting.duration(every)}:"
            f" with overlap={entry.policy.overlap} it cannot keep up.",
            "Make it faster, fire it less often, or allow it to run beside itself.",
        )
