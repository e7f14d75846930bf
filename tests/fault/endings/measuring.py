"""A program that works hard, again and again, and says after each round what it takes up.

`python -m tests.fault.endings.measuring DIRECTORY WORK`, WORK as JSON: how often in a round, by
the name of the task. Prints a JSON line a round: memory in bytes, threads, descriptors, children.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

import rota
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness, eventually

ROUNDS = 4  # the first two warm up: pools, modules, the page caches of a ledger that grows


async def succeed_async() -> int:
    return 1


def succeed_thread() -> int:
    return 1


async def fail_async() -> None:
    raise ValueError("no such luck")


def fail_thread() -> None:
    raise ValueError("no such luck")


async def overrun_async() -> None:
    await asyncio.sleep(1000)


def overrun_thread() -> None:
    while not rota.current_run().cancelled:
        time.sleep(0.01)


def succeed_process() -> int:
    return 1


def fail_process() -> None:
    raise ValueError("no such luck")


def overrun_process() -> None:
    time.sleep(1000)


TASKS: list[Callable[..., Any]] = [
    *(succeed_async, succeed_thread, succeed_process),
    *(fail_async, fail_thread, fail_process),
    *(overrun_async, overrun_thread, overrun_process),
]


def measured() -> dict[str, Any]:
    """Return what this process takes up, once what it let go of has been given back.

    The descriptors are those beside the ledger's, which opens up to four readers as needed.
    """
    gc.collect()
    with suppress(AttributeError, OSError):  # where the C library has no such thing
        ctypes.CDLL(None).malloc_trim(0)
    me = psutil.Process()
    return {
        "memory": me.memory_info().rss,
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "descriptors": me.num_fds() - sum("rota.db" in file.path for file in me.open_files()),
        "children": len(me.children(recursive=True)),
    }


def work(rig: Harness, amounts: dict[str, int]) -> None:
    """Run each task as often as it says, in portions, and come to rest."""
    manager = rig.manager
    for name, amount in amounts.items():
        for first in range(0, amount, 500):
            manager.run_many(name, [None] * min(500, amount - first))
    eventually(lambda: not manager.history.counts(rig.clock.now()).busy, within=3000)


def change(rig: Harness, times: int) -> None:
    """Add a task and take it out again, so many times."""
    for number in range(times):
        rig.manager.add_task(succeed_async, "interval", f"task-{number}", hours=1)
        rig.manager.remove_task(f"task-{number}")


def main() -> None:
    """Do the work in rounds on one manager, then in fifty lives of another."""
    logging.disable()
    directory, amounts = Path(sys.argv[1]), json.loads(sys.argv[2])
    changes, lives = amounts.pop("changes"), amounts.pop("lives")
    rig = Harness(directory, SystemClock(), process_pool=1)
    with rig:
        for func in TASKS:
            rig.manager.add_task(
                func,
                "date",
                func.__name__,
                run_date="2100-01-01",
                overlap="allow",
                max_retries=0,
                timeout=0.3 if func.__name__.startswith("overrun") else 600,
                **({"executor": "process"} if func.__name__.endswith("process") else {}),
            )
        for _ in range(ROUNDS):
            work(rig, amounts)
            change(rig, changes)
            say("work")
    for _ in range(ROUNDS):
        for _ in range(lives):
            with rig:
                rig.manager.run_task("succeed_async")
        say("lives")


def say(what: str) -> None:
    """Print what is taken up now."""
    print(json.dumps({"after": what, **measured()}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
