""" "Memory leaks": memory that grows from run to run, and threads that nobody can end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rota.cli.doctor.evidence import Evidence
from rota.cli.doctor.finding import Finding, ok, some, warn
from rota.core.run import Run

_FEW = 5  # runs: fewer say nothing about a trend
_LITTLE = 8 * 2**20  # bytes


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Look at the peak memory of each task's last runs, and at stuck threads."""
    growing = [
        f"{task} ({_mib(peaks[0])} to {_mib(peaks[-1])} MiB in {len(peaks)} runs)"
        for task, runs in evidence.last_runs.items()
        if _grows(peaks := _peaks(runs))
    ]
    if growing:
        yield warn(
            "memory from run to run",
            f"it rose with every run of {some(growing)}. Tasks in one process share its memory, so"
            " one of them may be the cause for all.",
            'Give the suspect executor="process": then its memory is its own, and freed.',
        )
    elif evidence.ledger_trouble is None:
        yield ok("memory from run to run", "no task's peak memory only rises.")
    stuck = evidence.health.get("stuck") or []
    if stuck:
        places = [f"{one['task_id']} at {one['place']}" for one in stuck]
        remedy = 'Look at current_run().cancelled there, or use executor="process".'
        yield warn("stuck threads", f"{len(stuck)} still hold memory: {some(places)}.", remedy)
    elif evidence.health.get("stuck") is not None:
        yield ok("stuck threads", "none.")


def _peaks(runs: Sequence[Run]) -> list[int]:
    """Return the peaks of the runs in the process of the last one: a restart begins anew."""
    node = runs[-1].node if runs else None
    return [run.peak_memory for run in runs if run.peak_memory is not None and run.node == node]


def _grows(peaks: list[int]) -> bool:
    rises = all(earlier <= later for earlier, later in pairwise(peaks))
    return len(peaks) >= _FEW and rises and peaks[-1] - peaks[0] > max(_LITTLE, peaks[0] // 10)


def _mib(size: int) -> int:
    return round(size / 2**20)
