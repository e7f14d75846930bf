"""The same cases on APScheduler and huey, set up as their documentation says."""

from __future__ import annotations

import logging
import tempfile
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.measure import idle_cpu, percentile, rss, wait_for
from bench.ours import CRONS, starts

ran: list[int] = []


def noop() -> None:
    """Count."""
    ran.append(1)


def noted() -> None:
    """Note how late it is within the second."""
    now = time.time()
    starts.append((now, now % 1))


def apscheduler(directory: str | None = None, **defaults: Any) -> Any:
    """Make a background scheduler: in memory, or with SQLAlchemyJobStore on SQLite."""
    from apscheduler.schedulers.background import BackgroundScheduler

    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    stores = {}
    if directory:
        from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore

        stores = {"default": SQLAlchemyJobStore(url=f"sqlite:///{directory}/jobs.db")}
    return BackgroundScheduler(jobstores=stores, timezone=UTC, job_defaults=defaults)


def huey_throughput(count: int) -> dict[str, float]:
    """Enqueue `count` tasks on huey's SQLite queue and wait until two workers have run them."""
    from huey import SqliteHuey

    logging.getLogger("huey").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as directory:
        huey = SqliteHuey(filename=f"{directory}/huey.db")
        task = huey.task()(noop)
        begun = time.perf_counter()
        for _ in range(count):
            task()
        enqueued = time.perf_counter()
        consumer = huey.create_consumer(
            workers=2, periodic=False, initial_delay=0.001, max_delay=0.001
        )
        consumer.start()
        wait_for(lambda: len(ran) >= count, 300)
        ended = time.perf_counter()
        consumer.stop(graceful=True)
    return {
        "runs_per_second": count / (ended - begun),
        "consumed_per_second": count / (ended - enqueued),
    }


def apscheduler_burst(count: int, directory: str | None = None) -> dict[str, float]:
    """Let `count` one-shot jobs fall due at one instant; seconds until the last has run."""
    scheduler = apscheduler(directory, misfire_grace_time=None)
    scheduler.start(paused=True)
    slow = 250 if directory else 5000
    due = datetime.now(UTC) + timedelta(seconds=3 + count / slow)
    for number in range(count):
        scheduler.add_job(noop, "date", id=f"task-{number}", run_date=due)
    scheduler.resume()
    late = time.time() - due.timestamp()
    if late > -0.5:
        raise RuntimeError(f"adding the jobs took {late:.1f} s too long")
    time.sleep(-late)
    wait_for(lambda: len(ran) >= count, 120)
    took = time.time() - due.timestamp()
    scheduler.shutdown(wait=False)
    return {"seconds": took, "ran": len(ran)}


def apscheduler_lateness(seconds: int, directory: str | None = None) -> dict[str, float]:
    """Run 200 jobs every second and see how late their code starts, in milliseconds."""
    scheduler = apscheduler(directory, misfire_grace_time=None)
    for number in range(200):
        scheduler.add_job(noted, "cron", id=f"task-{number}", second="*")
    scheduler.start()
    time.sleep(seconds + 2)
    scheduler.shutdown(wait=False)
    first = min(at for at, _ in starts)
    late = [late * 1000 for at, late in starts if first + 1 < at < first + 1 + seconds]
    return {"p50_ms": percentile(late, 50), "p99_ms": percentile(late, 99), "runs": len(late)}


def apscheduler_held(count: int) -> dict[str, float]:
    """Hold `count` cron jobs in memory."""
    scheduler = apscheduler(misfire_grace_time=None)
    scheduler.add_job(noted, "cron", id="second", second="*")
    scheduler.start()
    time.sleep(1)
    scheduler.pause()
    before, begun = rss(), time.perf_counter()
    for number in range(count):
        scheduler.add_job(noop, "cron", id=f"task-{number}", month=1, day=1, hour=number % 24,
                          minute=number % 60)  # fmt: skip
    added = time.perf_counter() - begun
    scheduler.resume()
    time.sleep(3)
    starts.clear()
    cpu = idle_cpu(10)
    late = [late * 1000 for _, late in starts]
    grown = rss() - before
    scheduler.shutdown(wait=False)
    return {
        "add_s": added,
        "mib": grown,
        "idle_cpu_percent": cpu,
        "late_ms": percentile(late, 50),
    }


def apscheduler_next(rounds: int) -> dict[str, float]:
    """Compute the next instant of the same crons; microseconds each, the mean."""
    from apscheduler.triggers.cron import CronTrigger

    took = []
    for args in CRONS:
        trigger = CronTrigger(**args, timezone="Europe/Berlin")
        first = moment = datetime(2024, 1, 1, tzinfo=UTC)
        begun = time.perf_counter()
        for _ in range(rounds):
            moment = trigger.get_next_fire_time(moment, moment) or first
        took.append((time.perf_counter() - begun) / rounds * 1e6)
    return {"us": sum(took) / len(took), **{f"us_{n}": t for n, t in enumerate(took)}}
