""" "Memory leaks": memory that grows from run to run, and threads that nobody can end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from statistics import median

from rota.core.run import Run
from rota.diagnosis.evidence import ProjectEvidence
from rota.diagnosis.finding import Diagnosis, ok, some, warn

_FEW = 30  # runs: fewer say nothing about a trend, for every process grows when it begins
_BLOCKS = 5
"""Parts of the runs that must rise one after the other: a step, or growth that ends, is no leak."""

_LITTLE = 8 * 2**20  # bytes


def findings(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    """Look at the peak memory of each task's last runs, and at stuck threads."""
    growing = [
        f"{task} ({_mib(rise)} MiB in {len(peaks)} runs, to {_mib(peaks[-1])} MiB)"
        for task, runs in evidence.last_runs.items()
        if (rise := growth(peaks := _peaks(runs)))
    ]
    if growing:
        yield warn(
            "memory from run to run",
            f"it rises from run to run of {some(growing)}. Tasks in one process share its memory,"
            " so one of them may be the cause for all.",
            'Give the suspect executor="process": then its memory is its own, and freed.',
        )
    elif evidence.ledger_trouble is None:
        yield ok("memory from run to run", "no task's peak memory keeps rising.")
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


def growth(peaks: Sequence[int]) -> float:
    """Return by how much memory keeps growing over these runs, in bytes; 0 if it does not, or if
    nothing can be said.

    Each part of the runs has to be above the one before, in the median and by a fair share of the
    whole: neither start-up nor a single step nor noise does that.
    """
    if len(peaks) < _FEW:
        return 0
    bounds = [len(peaks) * part // _BLOCKS for part in range(_BLOCKS + 1)]
    parts = [peaks[first:end] for first, end in pairwise(bounds)]
    middles = [median(part) for part in parts]
    rise = middles[-1] - middles[0]
    least = rise / (_BLOCKS - 1) / 2
    if rise <= max(_LITTLE, middles[0] / 10) or any(b - a < least for a, b in pairwise(middles)):
        return 0
    slope = median(
        (peaks[later] - peaks[earlier]) / (later - earlier)
        for earlier, later in combinations(range(len(peaks)), 2)
    )
    level = median(peak - slope * run for run, peak in enumerate(peaks))
    noise = median(abs(peak - slope * run - level) for run, peak in enumerate(peaks))
    total = slope * (len(peaks) - 1)
    return total if total > 4 * noise else 0


def _mib(size: float) -> int:
    return round(size / 2**20)
