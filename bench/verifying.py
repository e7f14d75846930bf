"""`rota verify` over a large ledger in which everything is as it should be."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.measure import rss
from rota import triggers
from rota.core.ids import RunIds
from rota.core.ports.records import TaskRecord
from rota.core.task import Policy
from rota.core.time import DAY, SECOND
from rota.engine.upkeep.verifying import Question, verify
from rota.ledger import open_ledger
from rota.runtime.system_clock import SystemClock

TASKS = 100

_RUN = (
    "INSERT INTO runs (id, task_id, fire_time, cause, state, reason, attempt, fence, exclusive,"
    " available_at, created_at, started_at, finished_at, attempt_started_at, node)"
    " VALUES (?, ?, ?, 'schedule', 'succeeded', '', 1, 1, 1, ?, ?, ?, ?, ?, 'bench')"
)


def verified(count: int) -> dict[str, float]:
    """Fill a ledger with so many sound runs and verify it; the figure is in seconds."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "rota.db"
        end = _fill(path, count)
        ledger = open_ledger(f"sqlite:///{path}", clock=SystemClock())
        ledger.open()
        try:
            before = rss()
            started, cpu = time.perf_counter(), time.process_time()
            found = list(verify(ledger.history.evidence, Question(end, 0)))
            took, cpu = time.perf_counter() - started, time.process_time() - cpu
        finally:
            ledger.close()
    assert not found, found[:3]
    return {"seconds": took, "cpu_seconds": cpu, "mib": rss() - before}


def _fill(path: Path, count: int) -> int:
    begin = 1_700_000_000 * SECOND
    each = count // TASKS
    ledger = open_ledger(f"sqlite:///{path}", clock=SystemClock())
    ledger.open()
    tasks = [_task(number) for number in range(TASKS)]
    ledger.write(lambda tx: tx.register(tasks, begin)).result()
    ledger.close()
    ids, end = RunIds(), begin
    with closing(sqlite3.connect(path)) as connection, connection:
        for task in tasks:
            trigger = triggers.parse(
                task.trigger, task.trigger_args, timezone=task.timezone, anchor=begin
            )
            times = triggers.between(trigger, begin, begin + 3650 * DAY, each)
            connection.executemany(
                _RUN,
                (
                    (ids.new(at), task.id, at, at, at, at + 5000, at + 900_000, at + 5000)
                    for at in times
                ),
            )
            connection.execute(
                "UPDATE tasks SET planned_until = ? WHERE id = ?", (times[-1], task.id)
            )
            end = max(end, times[-1])
    return end + DAY


def _task(number: int) -> TaskRecord:
    is_cron = number % 2
    return TaskRecord(
        id=f"task-{number:04d}",
        name="task",
        func_path="bench:noop",
        trigger="cron" if is_cron else "interval",
        trigger_args={"minute": "*/5"} if is_cron else {"seconds": 60 + number},
        timezone="Europe/Berlin",
        schedule=str(number),
        enabled=True,
        policy=Policy(),
        executor="async",
    )
