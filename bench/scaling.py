"""`python -m bench.scaling`: what planning costs with many schedules on many nodes, from costs that
are measured here, on a real PostgreSQL, and a simulation of who plans what.

Each schedule belongs to the `KEEPERS` nodes with the highest hash of (node, schedule): rendezvous
hashing (Thaler and Ravishankar, 1998). Without that, each node plans every schedule.
"""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from bench.cluster import postgres
from rota.core.ids import RunIds
from rota.core.ports.records import NewRun
from rota.core.reasons.run_reason import NO_REASON
from rota.core.run import Cause, State
from rota.core.task import Overlap
from rota.ledger import open_ledger
from rota.runtime.system_clock import SystemClock

KEEPERS = 2
"""Nodes that plan each schedule, so that one may die unnoticed."""

PERIOD = 60.0
"""Seconds between two occurrences of a schedule, on average."""

BATCH = 1_000
CHUNK = 5_000


def measured() -> tuple[float, float]:
    """Return the seconds that the database takes for an occurrence that is new, and for one that
    another node has planned, in batches as the planner writes them."""
    clock, ids = SystemClock(), RunIds()
    with postgres() as url:
        ledger = open_ledger(url, clock=clock)
        ledger.open()
        now = ledger.clock.now()
        batches = [
            [
                NewRun(
                    ids.new(now), f"task{number}", now + round_, Cause.SCHEDULE, State.QUEUED,
                    NO_REASON, now, now, Overlap.ALLOW,
                )
                for number in range(BATCH)
            ]
            for round_ in range(20)
        ]  # fmt: skip
        costs = []
        for _ in range(2):  # the second time, all of them are known
            begun = time.perf_counter()
            for rows in batches:
                ledger.write(lambda tx, rows=rows: tx.plan(rows)).result()  # type: ignore[misc]
            costs.append((time.perf_counter() - begun) / (len(batches) * BATCH))
            batches = [[row._replace(id=ids.new(now)) for row in rows] for rows in batches]
        ledger.close()
    return costs[0], costs[1]


def spread(schedules: int, nodes: int) -> tuple[float, float]:
    """Return how much more than the mean the fullest node has, and the share of schedules that get
    another keeper when one node leaves."""
    owned = np.zeros(nodes, dtype=np.int64)
    seeds = _mixed(np.arange(1, nodes + 1, dtype=np.uint64))
    moved = 0
    for first in range(0, schedules, CHUNK):
        some = np.arange(first, min(first + CHUNK, schedules), dtype=np.uint64)
        weights = _mixed(_mixed(some)[:, None] ^ seeds[None, :])
        keepers = np.argpartition(weights, nodes - KEEPERS, axis=1)[:, nodes - KEEPERS :]
        owned += np.bincount(keepers.ravel(), minlength=nodes)
        moved += int((keepers == 0).any(axis=1).sum())
    return float(owned.max() / owned.mean()), moved / schedules


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Hash 64 bits (the finalizer of SplitMix64; Steele, Lea and Flood, 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def main() -> None:
    """Measure, simulate, and print."""
    new, known = measured()
    print(f"one occurrence: {new * 1e6:.0f} µs of the database's time; "
          f"one that is known already: {known * 1e6:.0f} µs")  # fmt: skip
    table = Table(title=f"one occurrence of each schedule every {PERIOD:g} s")
    for heading in ("schedules", "on", "each plans", "busy, all plan all", "busy, sharded",
                    "fullest node", "moved by a loss"):  # fmt: skip
        table.add_column(heading, justify="right")
    for schedules in (100_000, 1_000_000):
        rate = schedules / PERIOD
        for nodes in (2, 10, 100, 1000):
            everywhere = rate * (new + (nodes - 1) * known)
            sharded = rate * (new + (KEEPERS - 1) * known)
            fullest, moved = spread(schedules, nodes) if nodes > KEEPERS else (1.0, 1.0)
            table.add_row(
                f"{schedules:,}", f"{nodes:,}", f"{schedules * KEEPERS / nodes:,.0f}",
                f"{everywhere:,.0%}", f"{sharded:,.1%}", f"{fullest:.2f} ×", f"{moved:.1%}",
            )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
