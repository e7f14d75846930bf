"""What it takes to build one loop of a node alone: a context, on a ledger in memory and a clock
that moves when told. All parts are the real ones."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache
from typing import Any, TypeVar, cast

from rota.config.sections import ManagerSection
from rota.core.ids import RunIds
from rota.core.outcome import Outcome
from rota.core.ports.broker import Message
from rota.core.ports.executor import AttemptSpec, Executor
from rota.core.ports.history import History
from rota.core.ports.ledger import Transaction
from rota.core.ports.records import AttemptEnd, Claim, NewRun, NodeRecord, Orphan
from rota.core.reasons.run_reason import NO_REASON
from rota.core.run import Cause, Run, State
from rota.core.task import Overlap
from rota.core.time import Instant, seconds
from rota.definitions.define import define
from rota.engine.context import NodeContext, node_context
from rota.engine.event_loop import EngineLoop
from rota.engine.health.delivery import Delivery
from rota.engine.membership.heartbeat import Heartbeat
from rota.engine.planning.task_registry import RegisteredTask, record
from rota.engine.running.capacity import Capacity
from rota.engine.running.claim_rules import ClaimRules
from rota.engine.running.dispatcher import Dispatcher
from rota.engine.running.in_flight import InFlightRun
from rota.engine.running.inbox import Inbox
from rota.engine.running.launcher import Launcher
from rota.engine.running.limits import TaskLimits
from rota.engine.running.outbox import Outbox
from rota.engine.running.stuck_attempts import StuckAttempts
from rota.engine.signals import Signal
from rota.errors import EngineError, LedgerUnavailableError
from rota.executors.coroutines.executor import AioExecutor
from rota.ledger.ledger import SqlLedger
from rota.ledger.sqlite.memory import SqliteMemory
from rota.testing import FakeClock

T = TypeVar("T")

LEASE = 10.0


async def work() -> None:
    """Do nothing."""


class _Emptied(SqliteMemory):
    """Is emptied in place of being closed: to migrate a new one takes a hundred times longer."""

    def __init__(self) -> None:
        super().__init__()
        self._empty = sqlite3.connect(":memory:", check_same_thread=False)
        self._is_made = False

    def open(self) -> None:
        super().open()
        if not self._is_made:
            self._is_made = True
            self._driver().backup(self._empty)

    def close(self) -> None:
        self._empty.backup(self._driver())

    def _driver(self) -> sqlite3.Connection:
        assert self._connection is not None
        return cast("sqlite3.Connection", self._connection.connection.driver_connection)


@cache
def _database() -> SqliteMemory:
    return _Emptied()


class SwitchedLedger:
    """A real ledger behind a switch: while it is `away`, it answers as one out of reach."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger
        self.away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    @property
    def history(self) -> History:
        return cast("History", _SwitchedHistory(self))

    @property
    def real_history(self) -> History:
        return self._ledger.history

    def write(self, operation: Callable[[Transaction], T]) -> Future[T]:
        if not self.away:
            return self._ledger.write(operation)
        future: Future[T] = Future()
        future.set_exception(LedgerUnavailableError("it is away"))
        return future

    def version(self) -> int:
        self.check()
        return self._ledger.version()

    def check(self) -> None:
        if self.away:
            raise LedgerUnavailableError("it is away")


class _SwitchedHistory:
    def __init__(self, ledger: SwitchedLedger) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        self._ledger.check()
        return getattr(self._ledger.real_history, name)


class Bench:
    """The context, what loops are built from, and short words for what tests need."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ledger = SwitchedLedger(SqlLedger(_database(), self.clock))
        self.ids = RunIds()
        self.context: NodeContext = node_context(
            self.ledger, self.clock, self.ids, name="bench", version="1"
        )
        self.signals = self.context.signals
        self.executors: dict[str, Executor] = {"async": AioExecutor(slots=4)}
        self.capacity = Capacity(self.context, self.executors)
        self.stuck = StuckAttempts(self.executors.values())
        self.heartbeat = Heartbeat(self.context, self.capacity, lease=LEASE)
        self.limits = TaskLimits(self.context.registry, {})
        self.rules = ClaimRules(self.context, self.capacity, self.stuck, self.limits)
        self.delivery = Delivery(self.context, self.capacity)

    def launcher(self) -> Launcher:
        return Launcher(self.context, self.executors, self.heartbeat, log_limit=1_000)

    def dispatcher(self, outbox: Outbox | None = None, inbox: Inbox | None = None) -> Dispatcher:
        return Dispatcher(
            self.context,
            self.capacity,
            self.rules,
            self.launcher(),
            self.heartbeat,
            outbox=outbox,
            inbox=inbox,
        )

    # --- time, and the ledger ---

    @property
    def now(self) -> Instant:
        return self.clock.now()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let the ledger be away."""
        self.ledger.away = True
        try:
            yield
        finally:
            self.ledger.away = False

    def do(self, operation: Callable[[Transaction], T]) -> T:
        """Write as another process would, and wait until it is durable."""
        return self.ledger.write(operation).result(60)

    def sql(self, statement: str) -> None:
        """Do to the database what no ledger does."""
        with _database().gateway() as connection:
            connection.exec_driver_sql(statement)

    def runs(self) -> list[Run]:
        """Every run, oldest first."""
        return self.ledger.real_history.runs(newest_first=False, limit=1_000).runs

    def states(self) -> list[State]:
        return [run.state for run in self.runs()]

    def node(self, node_id: str) -> NodeRecord:
        [found] = [one for one in self.ledger.real_history.nodes() if one.id == node_id]
        return found

    def join(self, node_id: str, **changes: Any) -> NodeRecord:
        """Let another node join."""
        node = NodeRecord(
            id=node_id,
            name=f"node {node_id}",
            host="elsewhere",
            pid=4711,
            version="1",
            slots=8,
            started_at=self.now,
            seen_at=self.now,
            lease_until=self.now + seconds(LEASE),
            state="up",
            **changes,
        )
        self.do(lambda tx: tx.join(node))
        return node

    # --- tasks and runs ---

    def known(
        self, task_id: str = "t", func: Callable[..., Any] = work, **options: Any
    ) -> RegisteredTask:
        """A task that this node knows, and the ledger too."""
        entry = self.unwritten(task_id, func, **options)
        stored = self.do(lambda tx: tx.register([record(entry.definition)], self.now))
        entry.lay_over(stored[task_id], self.now)
        entry.known_since = self.now
        return entry

    def unwritten(
        self, task_id: str = "t", func: Callable[..., Any] = work, **options: Any
    ) -> RegisteredTask:
        """A task that this node knows and the ledger does not."""
        options = {"seconds": 60, **options}
        definition = define(func, "interval", task_id, options, defaults=ManagerSection())
        entry = RegisteredTask(definition, self.now)
        self.context.registry.put(entry)
        return entry

    def planned(self, task_id: str = "t", **changes: Any) -> str:
        """Plan a run and return its id."""
        run = NewRun(
            id=self.ids.new(self.now),
            task_id=task_id,
            fire_time=None,
            cause=Cause.MANUAL,
            state=State.QUEUED,
            reason=NO_REASON,
            available_at=self.now,
            created_at=self.now,
            overlap=Overlap.ALLOW,
        )._replace(**changes)
        self.do(lambda tx: tx.plan([run]))
        return run.id

    def claimed(self, task_id: str = "t", node: str = "", **changes: Any) -> Claim:
        """Plan a run, and let a node claim it: this one, which has to have joined, or another."""
        run_id = self.planned(task_id, claim=node or self.context.identity.id, **changes)
        run = next(run for run in self.runs() if run.id == run_id)
        assert run.state is State.RUNNING, run
        return Claim(
            run_id, task_id, None, Cause.MANUAL, 1, 0, 0, 1, changes.get("arguments"), None
        )

    def in_flight(self, entry: RegisteredTask) -> InFlightRun:
        """Claim a run of a task and put it in flight, as the launcher does; it is not started."""
        taken = heard(self.signals.attempts_taken)
        claim = self.claimed(entry.definition.id)
        launcher = Launcher(self.context, {"async": Held()}, self.heartbeat, log_limit=1_000)
        launcher.start([(claim, self.now)])
        [(flights,)] = taken
        return cast("InFlightRun", flights[0])

    # --- loops ---

    @asynccontextmanager
    async def running(self, *loops: EngineLoop) -> AsyncIterator[None]:
        """Run loops until the end of the block."""
        for one in loops:
            if (wake := getattr(one, "wake", None)) is not None:
                wake.bind(asyncio.get_running_loop())
        tasks = [asyncio.create_task(one.run()) for one in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends


class Held:
    """An executor whose attempts run until the test ends them, and obey only if told to."""

    def __init__(self, slots: int = 4) -> None:
        self.slots = slots
        self.submitted: list[AttemptSpec] = []
        self.stopped: list[AttemptSpec] = []
        self.abandoned: list[AttemptSpec] = []

    def start(self) -> None: ...

    def submit(self, calls: Collection[AttemptSpec], done: Any) -> None:
        self.submitted += calls

    def stop(self, call: AttemptSpec) -> None:
        self.stopped.append(call)

    def abandon(self, call: AttemptSpec) -> None:
        self.abandoned.append(call)

    def stuck(self) -> list[Any]:
        return []

    def shutdown(self) -> None: ...


class Mailbox:
    """A broker in this process: what was published lies here until somebody carries it."""

    in_ledger = False

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.away = False
        self.done: list[str] = []

    def open(self) -> None: ...

    def publish(self, messages: Collection[Message], connection: Any) -> None:
        if self.away:
            raise EngineError("the broker is away")
        self.messages += messages

    async def carry(
        self, lanes: Mapping[str, int], execute: Callable[[str], Awaitable[None]]
    ) -> None:
        async def one(run_id: str) -> None:
            await execute(run_id)
            self.done.append(run_id)

        async with asyncio.TaskGroup() as group:
            while not self.away:
                for message in [one for one in self.messages if one.lane in lanes]:
                    self.messages.remove(message)
                    group.create_task(one(message.run_id))
                await asyncio.sleep(0.001)
        raise EngineError("the broker is away")

    def waiting(self, lanes: Collection[str]) -> int:
        if self.away:
            raise EngineError("the broker is away")
        return sum(one.lane in lanes for one in self.messages)


def heard(signal: Signal[Any]) -> list[tuple[Any, ...]]:
    """Return a list to which the arguments of each sending are appended."""
    found: list[tuple[Any, ...]] = []
    signal.connect(lambda *args: found.append(args))
    return found


def ends(bench: Bench) -> list[tuple[AttemptSpec, Outcome]]:
    """Return a list of the attempts that end from now on."""
    return cast("list[tuple[AttemptSpec, Outcome]]", heard(bench.signals.attempt_ended))


def nothing_runs(orphan: Orphan) -> AttemptEnd:
    """Judge the runs of a node that has none."""
    raise AssertionError(f"{orphan} runs")


async def until(is_so: Callable[[], object], *, within: float = 30.0) -> None:
    """Let the loop go on until it is so."""
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to be"
        await asyncio.sleep(0.001)


@contextmanager
def opened() -> Iterator[Bench]:
    """A bench whose ledger is open."""
    bench = Bench()
    bench.ledger.open()
    try:
        yield bench
    finally:
        bench.ledger.away = False
        with suppress(Exception):
            bench.executors["async"].shutdown()
        bench.ledger.close()
