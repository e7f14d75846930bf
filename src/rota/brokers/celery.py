"""Celery: messages over RabbitMQ or Redis, for installations that already run one of them.

A message holds only the id of a run; the ledger decides whether the worker may execute it. Celery
is used unchanged, with one consumer for each kind of slot. Its threads wait for the end of a run,
so late acknowledgement gives the messages of a dead worker to another.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from functools import partial
from typing import Any

from rota.core.ports.broker import Message
from rota.errors import ConfigError, EngineError
from rota.runtime.engine_threads import on_own_thread

try:
    from celery import Celery
    from celery.bootsteps import CLOSE, Blueprint
    from celery.concurrency.thread import TaskPool
    from celery.worker import WorkController
    from kombu.connection import Connection
    from kombu.exceptions import OperationalError
except ImportError as error:
    raise ConfigError(
        f"Celery cannot be used: {error}.",
        where="cluster.engine",
        remedy="Run: pip install 'rota[celery]'",
    ) from error

NAME = "rota.execute"
PREFIX = "rota."
"""The prefix of our queues at the broker, which other applications may use too."""

LEVELS = 10
"""The number of priorities at the brokers; RabbitMQ takes the highest first, Redis the lowest."""

BUSY, IDLE = 0.02, 1.0
"""Seconds between two polls for messages: while slots are in use, and while none is."""

CONNECT = 3.0
_AWAY = (OSError, OperationalError, TimeoutError)


for _chatty in ("celery.app.trace", "celery.worker.strategy"):  # two lines for each message
    if (_logger := logging.getLogger(_chatty)).level == logging.NOTSET:
        _logger.setLevel(logging.WARNING)


class CeleryBroker:
    """The port `Broker`, over Celery's message broker."""

    in_ledger = False

    def __init__(self, broker_url: str) -> None:
        self._url = broker_url
        self._app = self._make()

    def _make(self) -> Celery:
        app = Celery("rota", broker=self._url, set_as_current=False)
        app.conf.update(
            task_ignore_result=True,
            task_acks_late=True,
            task_reject_on_worker_lost=True,
            worker_prefetch_multiplier=1,
            task_queue_max_priority=LEVELS - 1,
            worker_send_task_events=False,
            # Anyone who can write to the broker could stop a consumer or the whole worker.
            worker_enable_remote_control=False,
            worker_hijack_root_logger=False,
            worker_redirect_stdouts=False,
            worker_cancel_long_running_tasks_on_connection_loss=False,
            broker_connection_timeout=CONNECT,
            broker_connection_retry_on_startup=False,
            broker_connection_retry=False,
            broker_transport_options={
                "socket_connect_timeout": CONNECT,
                "socket_keepalive": True,
                "health_check_interval": 5,
                "visibility_timeout": 3600,
                "queue_order_strategy": "priority",
                "priority_steps": list(range(LEVELS)),
            },
        )
        return app

    def open(self) -> None:
        """Do nothing: no preparation is needed before the first message."""

    def publish(self, messages: Sequence[Message], connection: Any) -> None:
        """Send messages over one connection, without retries: the outbox retries."""
        try:
            with (
                self._app.connection_for_write() as link,
                self._app.amqp.Producer(link) as producer,
            ):
                for message in messages:
                    self._app.send_task(
                        NAME,
                        args=(message.run_id,),
                        queue=PREFIX + message.lane,
                        priority=self._level(message.priority),
                        producer=producer,
                        retry=False,
                        ignore_result=True,
                    )
        except _AWAY as error:
            raise _away(error) from error

    def _level(self, priority: int) -> int:
        level = min(max(priority + LEVELS // 2, 0), LEVELS - 1)
        return LEVELS - 1 - level if self._url.startswith("redis") else level

    async def carry(
        self, lanes: Mapping[str, int], execute: Callable[[str], Awaitable[None]]
    ) -> None:
        """Consume messages with one Celery worker for each kind of slot."""
        loop = asyncio.get_running_loop()
        consumers = [
            _Consumer(self._make(), [lane for lane in lanes if lane.endswith(f".{kind}")], slots)
            for kind, slots in _kinds(lanes).items()
        ]
        for consumer in consumers:
            consumer.start(loop, execute)
        try:
            await asyncio.wait(
                [consumer.ended for consumer in consumers], return_when=asyncio.FIRST_COMPLETED
            )
            for consumer in consumers:
                consumer.let_go()
        finally:
            for consumer in consumers:
                consumer.stop()
            await asyncio.wait([consumer.ended for consumer in consumers])
        for consumer in consumers:
            error = consumer.ended.result()
            if error is not None:
                raise _away(error)

    def waiting(self, lanes: Collection[str]) -> int:
        """Return how many messages no worker has fetched."""
        try:
            with self._app.connection_for_read() as link:
                return sum(_length(link, PREFIX + lane) for lane in lanes)
        except _AWAY as error:
            raise _away(error) from error


def _length(link: Connection, queue: str) -> int:
    try:
        with link.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).message_count)
    except link.channel_errors:  # the queue does not exist; in Redis an empty queue does not
        return 0


class _Threads(TaskPool):  # type: ignore[misc]
    """Celery's thread pool; it looks up tasks in this application, not in the user's own."""

    def on_apply(self, target: Any, *args: Any, **kwargs: Any) -> Any:
        def within(*given: Any, **named: Any) -> Any:
            self.app.set_current()  # of this thread
            return target(*given, **named)

        return super().on_apply(within, *args, **kwargs)


class _Consumer:
    """A Celery worker in a thread of this process."""

    def __init__(self, app: Celery, lanes: Sequence[str], slots: int) -> None:
        self._app = app
        self._queues = [PREFIX + lane for lane in lanes]
        self._slots = slots
        self._worker: WorkController | None = None
        self._under_way: set[Future[None]] = set()
        self._ended_at = 0.0
        self._stopping = False
        self._let_go = False
        self._error: BaseException | None = None
        self.ended: asyncio.Future[BaseException | None]
        """Done when the consumer's threads have ended; its result is the error that ended them."""

    def start(
        self, loop: asyncio.AbstractEventLoop, execute: Callable[[str], Awaitable[None]]
    ) -> None:
        self.ended = loop.create_future()

        @self._app.task(name=NAME, shared=False)  # type: ignore[untyped-decorator]
        def run(run_id: str) -> None:
            call = asyncio.run_coroutine_threadsafe(_awaited(execute, run_id), loop)
            self._under_way.add(call)
            if self._let_go:
                call.cancel()
            try:
                with suppress(CancelledError):
                    call.result()
            finally:
                self._ended_at = time.monotonic()
                self._under_way.discard(call)

        self._worker = WorkController(
            app=self._app,
            queues=self._queues,
            pool=_Threads,
            use_eventloop=False,
            concurrency=self._slots,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            loglevel="WARNING",
            hostname=f"rota-{id(self)}@%h",
        )
        self._worker.consumer.loop = self._loop
        self._worker.consumer.blueprint.start = self._begin
        threading.Thread(
            target=on_own_thread,
            args=(partial(self._serve, loop),),
            name="rota-celery",
            daemon=True,
        ).start()

    def _begin(self, consumer: Any) -> None:
        """Connect, and fetch messages until `stop`.

        Celery itself reports an error to no caller, and waits for the runs in flight before it
        ends, even if one takes an hour.
        """
        try:
            Blueprint.start(consumer.blueprint, consumer)
        except Exception as error:
            self._error = error
            self.let_go()
            raise

    def _loop(
        self,
        consumer: Any,
        connection: Connection,
        messages: Any,
        blueprint: Any,
        hub: object,
        qos: Any,
        *others: object,
    ) -> None:
        """Fetch messages until `stop`.

        Celery's own loop checks every two seconds whether a slot is free; with one slot that
        would be one run every two seconds.
        """
        # Only this thread acknowledges messages: each of a thousand others would connect.
        consumer.call_soon_ack = consumer.call_soon
        # Celery's built-in tasks would run any tasks that a message names, however many.
        consumer.strategies = {NAME: consumer.strategies[NAME]}
        receive = consumer.create_task_handler()
        late: list[Any] = []

        def on_message(message: Any) -> None:
            late.append(message) if self._stopping else receive(message)

        messages.on_message = on_message
        messages.consume()
        consumer.on_ready()
        while not self._stopping:
            if qos.prev != qos.value:
                qos.update()
            consumer.perform_pending_operations()
            with suppress(TimeoutError):
                connection.drain_events(timeout=self._pause())
        # Celery cancels only when all runs here have ended; new messages would wait until then.
        messages.cancel()
        for message in late:
            message.requeue()
        blueprint.state = CLOSE  # otherwise Celery starts the loop again

    def _pause(self) -> float:
        """Return the seconds to wait for a message: a slot that becomes free sends no signal."""
        busy = self._under_way or time.monotonic() - self._ended_at < IDLE
        return BUSY if busy else IDLE

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            assert self._worker is not None
            self._worker.start()
            self._worker.stop()
        except BaseException as error:
            self._error = self._error or error
        with suppress(RuntimeError):  # the loop is closed: nothing waits for this result
            loop.call_soon_threadsafe(self._report_end)

    def _report_end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(self._error)

    def stop(self) -> None:
        """Stop fetching messages; runs in flight continue to their end."""
        self._stopping = True  # `_loop` checks this and ends

    def let_go(self) -> None:
        """Stop waiting for the runs in flight, and acknowledge no more messages.

        The broker gives those messages to other workers.
        """
        assert self._worker is not None
        self._let_go = True
        self._worker.consumer.perform_pending_operations = _nothing
        for call in list(self._under_way):
            call.cancel()


def _nothing() -> None:
    """Do nothing: pending operations must not be tried on a lost connection."""


async def _awaited(execute: Callable[[str], Awaitable[None]], run_id: str) -> None:
    await execute(run_id)


def _kinds(lanes: Mapping[str, int]) -> dict[str, int]:
    """Return the slots of each kind; the lanes of all queues share them."""
    return {lane.rpartition(".")[2]: slots for lane, slots in lanes.items()}


def _away(error: BaseException) -> EngineError:
    return EngineError(
        f"Celery's broker cannot be reached: {type(error).__name__}: {error}.",
        where="cluster.broker_url",
        remedy="It is retried; runs wait in the ledger.",
    )
