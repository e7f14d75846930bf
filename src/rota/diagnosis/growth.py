""" "Memory leaks": memory that grows from run to run, and threads that cannot be ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from statistics import median

from rota.core.reasons import TroubleCode
from rota.core.reasons.remedies import reason
from rota.core.run import Run
from rota.diagnosis import thresholds
from rota.diagnosis.evidence import ProjectEvidence
from rota.diagnosis.finding import Diagnosis, ok, some, warn


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
            reason(
                TroubleCode.MEMORY_GROWS,
                f"it rises from run to run of {some(growing)}. Tasks in one process share its"
                " memory, so one of them may be the cause for all.",
            ),
        )
    elif evidence.ledger_trouble is None:
        yield ok("memory from run to run", "no task's peak memory keeps rising.")
    stuck = evidence.health.get("stuck") or []
    if stuck:
        places = [f"{one['task_id']} at {one['place']}" for one in stuck]
        text = f"{len(stuck)} still hold memory: {some(places)}."
        yield warn("stuck threads", reason(TroubleCode.ATTEMPT_STUCK, text))
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
    if len(peaks) < thresholds.GROWTH_RUNS:
        return 0
    count = thresholds.GROWTH_PARTS
    bounds = [len(peaks) * part // count for part in range(count + 1)]
    parts = [peaks[first:end] for first, end in pairwise(bounds)]
    middles = [median(part) for part in parts]
    rise = middles[-1] - middles[0]
    least = rise / (count - 1) / 2
    little = max(thresholds.GROWTH_LITTLE, middles[0] * thresholds.GROWTH_SHARE)
    if rise <= little or any(b - a < least for a, b in pairwise(middles)):
        return 0
    slope = median(
        (peaks[later] - peaks[earlier]) / (later - earlier)
        for earlier, later in combinations(range(len(peaks)), 2)
    )
    level = median(peak - slope * run for run, peak in enumerate(peaks))
    noise = median(abs(peak - slope * run - level) for run, peak in enumerate(peaks))
    total = slope * (len(peaks) - 1)
    return total if total > thresholds.GROWTH_NOISE * noise else 0


def _mib(size: float) -> int:
    return round(size / 2**20)
