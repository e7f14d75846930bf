"""Publishes due runs to the broker, and publishes those again that it lost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from rota.core.ports.broker import Broker, Message
from rota.core.ports.ledger import Transaction
from rota.core.ports.records import Waiting
from rota.core.task import lane_of
from rota.core.time import Instant, seconds
from rota.engine.context import NodeContext
from rota.engine.health.delivery import Delivery
from rota.engine.health.turning import rest
from rota.engine.planning.task_registry import RegisteredTask, Registry
from rota.engine.running.limits import LimitProbe, TaskLimits
from rota.errors import EngineError, LedgerError
from rota.logs import queued
from rota.runtime.daemon_threads import run_in_thread

logger = queued("rota.relay")

BATCH = 1_000

OVERDUE = 5.0
"""Seconds after which a message that was not acted upon counts as lost, if the broker has none
left.
"""

LOST = 60.0
"""Seconds after which a message counts as lost if the broker has others, but fewer than runs wait:
workers hold some of those, so that a count alone cannot show this.
"""


class Outbox:
    """Offers each waiting run once; what is lost on the way is offered again.

    If the broker writes in the ledger, a run and its message are committed together. Otherwise it
    is first written that the message was sent, and then it is sent; a failure in between makes it
    overdue.
    """

    def __init__(
        self,
        context: NodeContext,
        broker: Broker,
        limits: TaskLimits,
        delivery: Delivery,
        named: Callable[[], Collection[str]],
    ) -> None:
        """`named` returns the queues that nodes serve by name."""
        self._clock = context.clock
        self._registry = context.registry
        self._gateway = context.gateway
        self._broker = broker
        self._named = named
        self._limits = limits
        self._delivery = delivery
        self.trouble: str | None = None  # why nothing can be sent

    def takes(self, entry: RegisteredTask) -> bool:
        """Return whether a new run of a task can be published as it is planned."""
        return self._broker.in_ledger and not entry.policy.is_limited

    def publish(self, runs: Sequence[Waiting], connection: Any) -> Collection[str]:
        """Publish new runs in the transaction that plans them; returns the ids of those."""
        return self._offer().publish(runs, connection)

    async def offer(self, until: Instant) -> Instant | None:
        """Publish all that may start by `until`, and return when the first of the runs that a rate
        holds back may start; raises LedgerError.
        """
        left: set[str] = set()  # the tasks whose runs are not offered now
        held_until: list[Instant] = []
        seen = BATCH
        while seen == BATCH:
            offer = self._offer()
            seen = await self._gateway.once(partial(offer.make, until, left), changes=False)
            if offer.messages and not self._broker.in_ledger:
                await self._send(offer.messages)
            left |= offer.unknown
            if offer.held is not None:
                left |= offer.held.tasks()
                held_until += [] if offer.held.until is None else [offer.held.until]
        return min(held_until, default=None)

    def _offer(self) -> _Offer:
        return _Offer(self._broker, self._registry, self._limits.probe(), self._named())

    async def _send(self, messages: Sequence[Message]) -> None:
        try:
            await run_in_thread(lambda: self._broker.publish(messages, None))
        except EngineError as error:
            self._set_trouble(str(error))
            await self._gateway.until_done(
                lambda tx: tx.withdraw([message.run_id for message in messages])
            )
        except Exception:  # no error of the broker: one of the messages cannot be written
            for message in messages if len(messages) > 1 else ():
                await self._send([message])
            if len(messages) == 1:
                logger.exception("Run %s cannot be published", messages[0].run_id)
        else:
            self._set_trouble(None)

    async def run(self) -> None:
        """Look, until cancelled, for messages that were lost or are not delivered."""
        self._delivery.forget()
        while True:
            await rest(OVERDUE / 2)
            await self.turn()

    async def turn(self) -> None:
        """Look once."""
        try:
            await self._recall()
        except EngineError as error:
            self._set_trouble(str(error))
        except LedgerError as error:  # logged once, by the gateway
            logger.debug("Could not look for lost messages: %s", error)

    async def _recall(self) -> None:
        before = self._clock.now() - seconds(OVERDUE)
        by_task = await self._overdue(before)
        self._delivery.look(by_task)
        overdue = sum(by_task.values())
        waiting = await run_in_thread(self._waiting) if overdue else 0
        if waiting:
            before = self._clock.now() - seconds(LOST)
            overdue = sum((await self._overdue(before)).values())
        if overdue > waiting:
            logger.warning(
                "%d runs wait and the engine has %d messages: they are published again",
                overdue,
                waiting,
            )
            await self._gateway.once(lambda tx: tx.recall(before, 10 * BATCH))

    async def _overdue(self, before: Instant) -> dict[str, int]:
        return await self._gateway.once(lambda tx: tx.overdue(before), changes=False)

    def _waiting(self) -> int:
        lanes = {lane_of(entry.definition) for entry in self._registry.entries()}
        return self._broker.waiting(lanes)

    def _set_trouble(self, trouble: str | None) -> None:
        if (trouble is None) != (self.trouble is None):
            logger.error("The engine is away: %s", trouble) if trouble else logger.warning(
                "The engine is back"
            )
        self.trouble = trouble


class _Offer:
    """One look at what may start; started over when the ledger repeats it."""

    def __init__(
        self,
        engine: Broker,
        registry: Registry,
        held: LimitProbe | None,
        named: Collection[str],
    ) -> None:
        """`named`: the queues that nodes serve by name."""
        self._broker = engine
        self._named = named
        self._registry = registry
        self.held = held
        self.messages: list[Message] = []
        self.unknown: set[str] = set()

    def make(self, until: Instant, exclude: Collection[str], tx: Transaction) -> int:
        """Offer a batch, without some tasks; returns how many runs were looked at."""
        self.messages.clear()
        return tx.offer(until, BATCH, exclude, self.publish, limits=self.held)

    def _queue_of(self, run: Waiting) -> str | None:
        """Return the queue of a run's own; None if no node serves it by name: then the nodes that
        serve every queue find the run on the lane of its task.
        """
        queue = run.options.get("queue") if run.options else None
        return queue if queue in self._named else None

    def publish(self, runs: Sequence[Waiting], connection: Any) -> Collection[str]:
        """See `core.ports.ledger.Publish`; what cannot be published in the ledger is kept for
        later.
        """
        for run in runs:
            entry = self._registry.get(run.task_id)
            if entry is None:
                self.unknown.add(run.task_id)
            else:
                lane = lane_of(entry.definition, self._queue_of(run))
                self.messages.append(Message(run.run_id, lane, run.priority))
        if self._broker.in_ledger and self.messages:
            self._broker.publish(self.messages, connection)
        return [message.run_id for message in self.messages]
