"""The lists of the API and the pages over a large ledger: how long each takes, asked over HTTP."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx

from bench.measure import percentile
from bench.ours import manager, noop
from rota import web
from rota.core.ids import RunIds
from rota.core.time import DAY, to_iso
from rota.manager import TaskManager

TASKS = 1_000
ASKED = 40
"""Requests per list, after a few that warm it up."""

SPAN = 30 * DAY

_RUNS = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :count),
made AS (SELECT n, :begin + n * (:span / :count) AS at FROM numbers)
INSERT INTO runs (id, task_id, fire_time, cause, state, reason, attempt, exclusive, available_at,
                  created_at, started_at, finished_at, attempt_started_at, node)
SELECT rota_id(at), printf('task-%04d', n % :tasks), at, 'schedule',
       CASE WHEN n % 50 THEN 'succeeded' WHEN n % 100 THEN 'failed' ELSE 'skipped' END,
       CASE WHEN n % 50 THEN '' ELSE 'ValueError: no such luck' END,
       1, 1, at, at, at + 5000, at + 900000, at + 5000, 'bench'
FROM made
"""


def fill(path: Path, count: int, now: int) -> None:
    """Write `count` ended runs of the last thirty days, one after the other, one in fifty not
    well."""
    ids = RunIds()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.create_function("rota_id", 1, ids.new)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -262144")
        connection.execute("BEGIN")
        connection.execute(
            _RUNS, {"count": count, "tasks": TASKS, "begin": now - SPAN, "span": SPAN}
        )
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def addresses(rota: TaskManager, now: int) -> dict[str, str]:
    """Return what to ask: each list, with the filters that look furthest."""
    page = rota.history.runs(limit=100).next
    return {
        "tasks": "/manager/tasks",
        "tasks_last_page": "/manager/tasks?after=task-0899",
        "tasks_text": "/manager/tasks?text=task-09",
        "tasks_status": "/manager/tasks?status=disabled",
        "runs": "/manager/runs",
        "runs_next": f"/manager/runs?after={page}",
        "runs_failed": "/manager/runs?state=failed",
        "runs_active": "/manager/runs?state=running&state=queued",
        "runs_of_task": "/manager/runs?task=task-0500",
        "runs_manual": "/manager/runs?cause=manual",
        "runs_since": f"/manager/runs?since={to_iso(now - 3 * DAY)}&order=oldest",
        "runs_until": f"/manager/runs?until={to_iso(now - 25 * DAY)}",
        "past": "/manager/occurrences/past",
        "next": "/manager/occurrences/next",
        "audit": "/manager/audit",
        "nodes": "/manager/nodes",
    }


def screens(rota: TaskManager, now: int) -> dict[str, str]:
    """Return the pages, with the choices that look furthest."""
    run = rota.history.runs(limit=1).runs[0]
    return {
        "now": "/",
        "tasks": "/tasks",
        "tasks_last_page": "/tasks?page=40",
        "tasks_text": "/tasks?q=task-09",
        "task": "/tasks/task-0500",
        "run": f"/runs/{run.id}",
        "timeline": "/timeline?span=7d",
        "calendar": "/calendar",
        "failures": "/failures?span=7d",
        "nodes": "/nodes",
        "audit": "/audit",
        "settings": "/settings",
    }


def lists(count: int) -> dict[str, float]:
    """Ask for each list of the API over `count` runs of 1,000 tasks; see `_asked`."""
    return _asked(count, addresses)


def pages(count: int) -> dict[str, float]:
    """Ask for each page over `count` runs of 1,000 tasks; see `_asked`."""
    return _asked(count, screens)


def _asked(count: int, what: Callable[[TaskManager, int], dict[str, str]]) -> dict[str, float]:
    """Return the p95 of each in milliseconds, to the last byte, and the largest answer in KiB.

    While the machine does other work, the processor's time for the worst says more: client, server
    and engine together.
    """
    with tempfile.TemporaryDirectory() as directory:
        rota = manager(directory)
        for number in range(TASKS):
            rota.add_task(noop, "cron", f"task-{number:04}", month=1, day=1, hour=number % 24)
        with rota, web.serve(rota, port=0) as server, httpx.Client(timeout=60) as client:
            now = rota.services.clock.now()
            fill(Path(directory) / "rota.db", count, now)
            took: dict[str, float] = {}
            cpu = size = 0.0
            for name, address in what(rota, now).items():
                url = server.url.rstrip("/") + address
                asked = [_time(client, url) for _ in range(ASKED + 5)][5:]
                took[f"{name}_ms"] = percentile([wall for wall, _, _ in asked], 95)
                cpu = max(cpu, percentile([used for _, used, _ in asked], 95))
                size = max(size, *(size for _, _, size in asked))
    return {"worst_ms": max(took.values()), "worst_cpu_ms": cpu, "largest_kib": size, **took}


def _time(client: httpx.Client, url: str) -> tuple[float, float, float]:
    """Ask, and return the milliseconds it took by the wall clock and by the processor's, and the
    size of the answer in KiB."""
    begun, used = time.perf_counter(), time.process_time()
    answer = client.get(url, follow_redirects=True).raise_for_status()
    took = (time.perf_counter() - begun) * 1000, (time.process_time() - used) * 1000
    return *took, len(answer.content) / 1024
