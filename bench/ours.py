"""The cases, on rota: a ledger file on disk, every run recorded before, during and after."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from bench.measure import idle_cpu, percentile, rss, wait_for
from rota import triggers
from rota.config import Xcorecfg
from rota.core.ports.records import RunFilter
from rota.core.run import State
from rota.core.time import from_datetime
from rota.manager import TaskManager

starts: list[tuple[float, float]] = []  # when it ran, when it was due


async def noop() -> None:
    """Do nothing."""


async def note() -> None:
    """Note how late it is within the second."""
    now = time.time()
    starts.append((now, now % 1))


def manager(directory: str) -> TaskManager:
    """Make a task manager on a ledger file of its own.

    The process is its own as well, as that of `rota up` is, so it freezes what is there at the
    start (`gc_freeze`).
    """
    url = f"sqlite:///{directory}/rota.db"
    settings = {"ledger_url": url, "shutdown_grace": 0, "gc_freeze": True}
    config = Xcorecfg.model_validate({"manager": settings})
    return TaskManager(config, project=Path(directory))


def plain_noop() -> None:
    """Do nothing, in a thread."""


def threads(count: int) -> dict[str, float]:
    """Hand in `count` runs of a plain function, for the 10 threads that are the default."""
    return throughput(count, plain_noop)


def throughput(count: int, task: Callable[[], Any] = noop) -> dict[str, float]:
    """Hand in `count` runs in batches and wait until all are recorded as succeeded."""
    with tempfile.TemporaryDirectory() as directory, manager(directory) as rota:
        rota.add_task(task, "date", "noop", run_date="2100-01-01", overlap="allow")
        process = psutil.Process()
        cpu, begun = sum(process.cpu_times()[:2]), time.perf_counter()
        for _ in range(count // 1000):
            rota.run_many("noop", [{}] * 1000)
        wait_for(lambda: not rota.history.counts(rota.services.clock.now()).busy, 300)
        took = time.perf_counter() - begun
        cpu = sum(process.cpu_times()[:2]) - cpu
        check(rota, count)
    return {"runs_per_second": count / took, "cpu_us_per_run": cpu / count * 1e6}


def burst(count: int) -> dict[str, float]:
    """Let `count` one-shot tasks fall due at one instant; seconds until the last is recorded."""
    with tempfile.TemporaryDirectory() as directory:
        rota = manager(directory)
        due = datetime.now(UTC) + timedelta(seconds=3 + count / 2500)
        for number in range(count):
            rota.add_task(noop, "date", f"task-{number}", run_date=due)
        with rota:
            late = time.time() - due.timestamp()
            if late > -0.5:
                raise RuntimeError(f"adding the tasks took {late:.1f} s too long")
            instant = from_datetime(due)
            time.sleep(-late)
            wait_for(lambda: finished(rota) >= count, 120)
            took = (last_end(rota) - instant) / 1e6
            check(rota, count)
    return {"seconds": took}


def finished(rota: TaskManager) -> int:
    """Return how many runs have ended, as far as the engine's own counter knows."""
    return rota.services.engine.recorder.total


def last_end(rota: TaskManager) -> int:
    """Return the instant at which the last attempt ended."""
    ends = [run.finished_at or 0 for run in _all(rota)]
    return max(ends)


def check(rota: TaskManager, count: int) -> None:
    """Raise unless exactly `count` runs succeeded, and nothing else is recorded."""
    states = [run.state for run in _all(rota)]
    if states != [State.SUCCEEDED] * count:
        raise RuntimeError(f"{len(states)} runs, {states.count(State.SUCCEEDED)} succeeded")


def _all(rota: TaskManager) -> list:  # type: ignore[type-arg]
    found, after = [], None
    while True:
        page = rota.history.runs(RunFilter(), limit=5000, after=after)
        found += page.runs
        after = page.next
        if after is None:
            return found


def lateness(seconds: int, tasks: int = 200) -> dict[str, float]:
    """Run `tasks` tasks every second and see how late their code starts, in milliseconds."""
    with tempfile.TemporaryDirectory() as directory:
        rota = manager(directory)
        for number in range(tasks):
            rota.add_task(note, "cron", f"task-{number}", second="*")
        with rota:
            time.sleep(seconds + 2)
    first = min(at for at, _ in starts)
    late = [late * 1000 for at, late in starts if first + 1 < at < first + 1 + seconds]
    return {"p50_ms": percentile(late, 50), "p99_ms": percentile(late, 99), "runs": len(late)}


def held(count: int) -> dict[str, float]:
    """Hold `count` cron schedules: seconds to add, MiB, idle processor, lateness of one."""
    with tempfile.TemporaryDirectory() as directory:
        rota = manager(directory)
        rota.add_task(note, "cron", "second", second="*")
        rota.start()
        time.sleep(8)
        rota.shutdown()
        alone = [late * 1000 for _, late in starts]
        before, begun = rss(), time.perf_counter()
        for number in range(count):
            rota.add_task(noop, "cron", f"task-{number}", month=1, day=1, hour=number % 24,
                          minute=number % 60)  # fmt: skip
        added = time.perf_counter() - begun
        begun = time.perf_counter()
        rota.start()
        started = time.perf_counter() - begun
        time.sleep(3)
        starts.clear()
        cpu = idle_cpu(10)
        grown = rss() - before
        late = [late * 1000 for _, late in starts]
        rota.shutdown()
    return {
        "add_s": added,
        "start_s": started,
        "mib": grown,
        "idle_cpu_percent": cpu,
        "late_ms": percentile(late, 50),
        "late_alone_ms": percentile(alone, 50),
    }


CRONS: list[dict[str, object]] = [
    {"minute": "*/5"},
    {"hour": 9, "minute": 0, "day_of_week": "mon-fri"},
    {"day": "last", "hour": 23, "minute": 30},
    {"month": "2", "day": "29", "hour": 0},
]


def next_instant(rounds: int) -> dict[str, float]:
    """Compute the next instant of several crons; microseconds each, the mean."""
    took = []
    for args in CRONS:
        trigger = triggers.parse("cron", args, timezone="Europe/Berlin")
        first = instant = from_datetime(datetime(2024, 1, 1, tzinfo=UTC))
        begun = time.perf_counter()
        for _ in range(rounds):
            instant = trigger.next_after(instant) or first
        took.append((time.perf_counter() - begun) / rounds * 1e6)
    return {"us": sum(took) / len(took), **{f"us_{n}": t for n, t in enumerate(took)}}
