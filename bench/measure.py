"""What the cases share: percentiles, memory, processor time, waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import psutil


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which `percent` of them lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


def rss() -> float:
    """Return this process's resident memory in MiB."""
    return float(psutil.Process().memory_info().rss) / 2**20


def idle_cpu(seconds: float) -> float:
    """Return the percentage of one processor that this process uses while nothing happens."""
    process = psutil.Process()
    before = sum(process.cpu_times()[:2])
    time.sleep(seconds)
    return (sum(process.cpu_times()[:2]) - before) / seconds * 100


def wait_for(done: Callable[[], bool], seconds: float) -> bool:
    """Wait until `done`, at most `seconds`; says whether it came true."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
