"""The composition root: the only place that builds services."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from rota.brokers import open_broker
from rota.config import Xcorecfg
from rota.core.ports.clock import Clock
from rota.core.ports.executor import Executor
from rota.core.ports.ledger import Ledger
from rota.core.task import ExecutorName
from rota.definitions.windows import planned_windows
from rota.engine import Node
from rota.engine.settings import Settings
from rota.executors.coroutines.executor import AioExecutor
from rota.executors.processes.executor import ProcessExecutor
from rota.executors.threads import ThreadExecutor
from rota.ledger import open_ledger
from rota.runtime.system_clock import SystemClock
from rota.runtime.working_directory import here
from rota.version import VERSION


@dataclass(frozen=True, slots=True)
class Services:
    """What one process of rota is made of."""

    config: Xcorecfg
    project: Path
    clock: Clock
    ledger: Ledger
    engine: Node


def build(
    config: Xcorecfg,
    *,
    project: Path | None = None,
    clock: Clock | None = None,
    loop: asyncio.AbstractEventLoop | None = None,
    ledger: Ledger | None = None,
) -> Services:
    """Build everything from the configuration; opens, starts and reads nothing.

    `loop` is the application's event loop, where coroutines are to run on it. `ledger` is used in
    place of the one that the configuration names.
    """
    settings, project = config.manager, project or here()
    machine = clock or SystemClock()
    ledger = ledger or open_ledger(settings.ledger_url, clock=machine)
    aio = AioExecutor(slots=settings.async_slots, loop=loop)
    executors: dict[str, Executor] = {
        ExecutorName.ASYNC: aio,
        ExecutorName.THREAD: ThreadExecutor(slots=settings.scheduler_thread_pool, loop=aio),
        ExecutorName.PROCESS: ProcessExecutor(settings.process_pool, project=project),
    }
    broker = open_broker(
        config.cluster.engine,
        ledger_url=settings.ledger_url,
        broker_url=config.cluster.broker_url,
    )
    engine = Node(
        machine=machine,
        ledger=ledger,
        executors=executors,
        loop=aio,
        engine=broker,
        settings=Settings(
            node_name=settings.node,
            version=VERSION,
            lease_seconds=settings.lease_seconds,
            shutdown_grace=settings.shutdown_grace,
            retention_days=settings.retention_days,
            run_log_limit=settings.run_log_limit,
            gc_freeze=settings.gc_freeze,
            queues=None if config.cluster.queues is None else frozenset(config.cluster.queues),
            groups=config.cluster.limits(),
            windows=planned_windows(config.windows, settings.timezone),
        ),
    )
    return Services(config, project, ledger.clock, ledger, engine)
