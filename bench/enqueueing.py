"""Enqueueing beside huey's SQLite queue: by turns in one process, on the same disk.

Both write to a file and sync each commit, as their defaults say. What a machine does besides
falls on both.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

from bench.ours import manager

ROUND = 50
"""Calls of one turn."""


def job(n: int) -> None:
    """Do nothing."""


def enqueueing(count: int) -> dict[str, float]:
    """Enqueue about `count` jobs each way by turns; medians over the turns."""
    from huey import SqliteHuey

    with tempfile.TemporaryDirectory() as directory:
        rota = manager(directory)
        rota.add_task(job, id="job")
        theirs = SqliteHuey(filename=f"{directory}/huey.db").task()(job)

        def ours(n: int) -> Any:
            return rota.enqueue("job", arguments={"n": n})

        ways: dict[str, Callable[[], int]] = {
            "one": lambda: _each(ours),
            "huey": lambda: _each(theirs),
            "eight": lambda: _threads(ours),
            "many": lambda: len(rota.run_many("job", [{"n": n} for n in range(20 * ROUND)])),
        }
        for way in ways.values():  # what is made once
            way()
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(max(count // ROUND, 3)):
            for name, way in ways.items():
                found[name].append(_timed(way))
        rota.shutdown()
    rates = {name: statistics.median(one for one, _ in some) for name, some in found.items()}
    cpu = {name: statistics.median(one for _, one in some) for name, some in found.items()}
    return {
        "per_second": rates["one"],
        "huey_per_second": rates["huey"],
        "of_huey": rates["one"] / rates["huey"],
        "eight_threads": rates["eight"] / rates["one"],
        "many": rates["many"] / rates["one"],
        "cpu_us": cpu["one"],
        "huey_cpu_us": cpu["huey"],
        "eight_cpu_us": cpu["eight"],
        "many_cpu_us": cpu["many"],
    }


def _timed(way: Callable[[], int]) -> tuple[float, float]:
    """Return calls in a second, and microseconds of processor for one."""
    cpu, begun = time.process_time(), time.perf_counter()
    calls = way()
    took = time.perf_counter() - begun
    return calls / took, (time.process_time() - cpu) / calls * 1e6


def _each(call: Callable[[int], Any]) -> int:
    for number in range(ROUND):
        call(number)
    return ROUND


def _threads(call: Callable[[int], Any]) -> int:
    threads = [threading.Thread(target=_each, args=(call,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 8 * ROUND
