"""A node is killed after it wrote rows, before it moved the cursor; then all is down for long."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from rota.core.time import SECOND
from rota.testing import FakeClock, Harness, eventually

EVERY = 10
BEFORE = 6


async def noop() -> None:
    pass


def test_what_fell_into_the_downtime_has_its_row_all_the_same(tmp_path: Path) -> None:
    clock = FakeClock()
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(noop, "interval", "tick", seconds=EVERY)
        for number in range(1, BEFORE + 1):
            rig.advance(EVERY)
            rig.ended("tick", number)
        eventually(lambda: rig.manager.history.task("tick").planned_until == clock.now())
    with closing(sqlite3.connect(tmp_path / "rota.db")) as connection, connection:
        connection.execute(
            "UPDATE tasks SET planned_until = planned_until - ?", (3 * EVERY * SECOND,)
        )
    clock.advance(7200)
    with Harness(tmp_path, clock) as rig:
        rig.manager.add_task(noop, "interval", "tick", seconds=EVERY)

        def counted() -> int:
            return sum(run.count for run in rig.runs("tick"))

        eventually(lambda: counted() == BEFORE + 7200 // EVERY, what=lambda: str(counted()))
        clock.advance(2 * EVERY)
        assert rig.manager.verify() == []
