"""PgQueuer: messages in the ledger's own PostgreSQL, committed together with the runs they name.

Its tables are unlogged: a crash of the server empties them, and lost messages are published again
from the ledger. A message is done when its run has ended, so a worker never holds more messages
than it has slots. The ledger decides whether a worker may execute the run, so a message that is
delivered twice has no effect.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from rota.core.ports.broker import Message
from rota.errors import ConfigError, EngineError
from rota.ledger.postgres.database import postgres_address

try:
    import asyncpg
    from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
    from pgqueuer.adapters.persistence.qb import (
        QueryBuilderEnvironment,
        QueryQueueBuilder,
        QuerySchedulerBuilder,
    )
    from pgqueuer.domain.settings import DBSettings, Durability
    from pgqueuer.models import Job
    from pgqueuer.qm import QueueManager
    from pgqueuer.queries import Queries, SyncQueries
    from psycopg import RawCursor
    from psycopg.rows import dict_row
except ImportError as error:
    raise ConfigError(
        f"PgQueuer cannot be used: {error}.",
        where="cluster.engine",
        remedy="Run: pip install 'rota[pgqueuer]'",
    ) from error

BATCH = 200
"""The most messages that are fetched at once."""

HEARTBEAT = timedelta(seconds=30)
"""The time without a heartbeat after which a message goes to another worker; the run itself is
taken over sooner."""

LOOK_EVERY = 1.0
"""Seconds between two checks of the connection: a queue manager notices a loss after thirty."""

CONNECT = 5.0
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


class PgQueuerBroker:
    """The port `Broker`, in the schema of the ledger."""

    in_ledger = True

    def __init__(self, ledger_url: str) -> None:
        if not ledger_url.startswith("postgres"):
            raise ConfigError(
                "PgQueuer needs the ledger in PostgreSQL.",
                where="cluster.engine",
                remedy='Set manager.ledger_url to "postgresql://…", or cluster.engine to "local".',
            )
        self._address, schema = postgres_address(ledger_url)
        settings = DBSettings(
            prefix="",
            db_schema=schema,
            channel=f"{schema}_pgqueuer",
            durability=Durability.volatile,
        )
        self._settings = settings
        self._enqueueing = QueryQueueBuilder(settings)

    def open(self) -> None:
        """Create PgQueuer's tables, or upgrade them; raises EngineError."""
        asyncio.run(self._install())

    async def _install(self) -> None:
        async with self._connected() as queries, queries.schema_lock():
            if await queries.schema_is_installed():
                for statement in (await queries.plan_upgrade()).statements:
                    await queries.driver.execute(statement)
            else:
                await queries.install()

    def publish(self, messages: Sequence[Message], connection: Any) -> None:
        """Write messages in the ledger's transaction."""
        queries = SyncQueries(_Within(connection), qbq=self._enqueueing)
        queries.enqueue(
            [message.lane for message in messages],
            [message.run_id.encode() for message in messages],
            [message.priority for message in messages],
        )

    async def carry(
        self, lanes: Mapping[str, int], execute: Callable[[str], Awaitable[None]]
    ) -> None:
        """Fetch messages as slots become free, with one queue manager per kind of slot."""
        held: set[asyncio.Future[None]] = set()
        lost = asyncio.Event()

        async def do(job: Job) -> None:
            if lost.is_set():
                return
            run = asyncio.ensure_future(execute((job.payload or b"").decode()))
            held.add(run)
            try:
                await run
            except asyncio.CancelledError:
                if not lost.is_set():
                    raise
            finally:
                held.discard(run)

        def drop(*_: object) -> None:
            # Without the connection no message can be marked done: other workers get them.
            lost.set()
            for run in held:
                run.cancel()

        async with self._connected(drop) as queries:
            managers = []
            for kind, slots in _kinds(lanes).items():
                manager = QueueManager(queries, self._settings.channel)
                manager.job_context = _Contexts()
                for lane in lanes:
                    if lane.endswith(f".{kind}"):
                        manager.entrypoint(lane, accepts_context=False)(do)
                managers.append((manager, slots))
            running = asyncio.gather(*(_run(manager, slots) for manager, slots in managers))
            try:
                while not running.done() and not lost.is_set():
                    await asyncio.wait({running}, timeout=LOOK_EVERY)
                    if _is_closed(queries):
                        drop()
            finally:
                for manager, _ in managers:
                    manager.shutdown.set()
                await asyncio.gather(running, return_exceptions=True)
            if lost.is_set():
                raise ConnectionError("the connection was lost")
            running.result()

    def waiting(self, lanes: Collection[str]) -> int:
        """Return how many messages no worker has fetched."""
        return asyncio.run(self._count(lanes))

    async def _count(self, lanes: Collection[str]) -> int:
        async with self._connected() as queries:
            sizes = await queries.queue_size()
        return sum(one.count for one in sizes if one.status == "queued" and one.entrypoint in lanes)

    def _queries(self, connection: asyncpg.Connection) -> Queries:
        return Queries(
            AsyncpgDriver(connection),
            qbe=QueryBuilderEnvironment(self._settings),
            qbq=QueryQueueBuilder(self._settings),
            qbs=QuerySchedulerBuilder(self._settings),
        )

    @asynccontextmanager
    async def _connected(
        self, lost: Callable[[object], None] | None = None
    ) -> AsyncIterator[Queries]:
        try:
            connection = await asyncpg.connect(self._address, timeout=CONNECT)
            _watch(connection)
            if lost is not None:
                connection.add_termination_listener(lost)
            try:
                yield self._queries(connection)
            finally:
                with suppress(*_AWAY):
                    await connection.close(timeout=CONNECT)
        except _AWAY as error:
            raise EngineError(
                f"PgQueuer cannot be reached: {type(error).__name__}: {error}.",
                remedy="It is retried; runs wait in the ledger.",
            ) from error


def _is_closed(queries: Queries) -> bool:
    """Return whether the connection is closed; asyncpg notifies its listeners of most closures,
    but not of all."""
    assert isinstance(queries.driver, AsyncpgDriver)
    return bool(queries.driver._connection.is_closed())


def _watch(connection: asyncpg.Connection) -> None:
    """Set socket options that detect a vanished server within fifteen seconds.

    asyncpg has no option for it.
    """
    link = connection._transport.get_extra_info("socket")
    if link.family != getattr(socket, "AF_UNIX", None):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3),
                            ("TCP_USER_TIMEOUT", 10_000)):  # fmt: skip
            if hasattr(socket, name):
                link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class _Deaf:
    """A cancellation token that ignores cancellations."""

    cancel_called = False

    def cancel(self, *_: object, **__: object) -> None:
        """Do nothing."""


class _Contexts(dict[Any, Any]):
    """The contexts of the jobs in flight, which ignore PgQueuer's own cancellations.

    Only the ledger cancels a run. Any user who may connect to the database could NOTIFY the queue
    managers of a cancellation, and messages would be marked done although no worker executed them.
    """

    def __setitem__(self, job_id: Any, context: Any) -> None:
        context.cancellation = _Deaf()
        super().__setitem__(job_id, context)


class _Within:
    """A driver for PgQueuer on the connection of the ledger, which owns the transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        cursor = RawCursor(self._connection, row_factory=dict_row)
        cursor.execute(query, args or None)
        return cursor.fetchall()


async def _run(manager: QueueManager, slots: int) -> None:
    batch = max(1, min(slots // 2, BATCH))
    await manager.run(
        batch_size=batch,
        max_concurrent_tasks=max(slots, 2 * batch),
        heartbeat_timeout=HEARTBEAT,
        log_aggregation_interval=timedelta(0),
        shutdown_on_listener_failure=True,
    )


def _kinds(lanes: Mapping[str, int]) -> dict[str, int]:
    """Return the slots of each kind; the lanes of all queues share them."""
    return {lane.rpartition(".")[2]: slots for lane, slots in lanes.items()}
