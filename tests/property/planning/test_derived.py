"""What is laid over a task and taken back leaves planning as if it had never been.

Random sequences of pauses, edits, skips, steps of the clock and restarts, on one node and on two,
with the real registrar, clock store, planner and ledger; after each step, the rows are those that
the pure rule names.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rota.config import Xcorecfg
from rota.core.ports.records import RunFilter
from rota.core.run import Run, State
from rota.core.time import SECOND, Instant, to_datetime
from rota.core.verification.findings import Finding
from rota.engine.upkeep.verifying import Question, verify
from rota.errors import StateError
from rota.ledger import open_ledger
from rota.manager import TaskManager
from rota.testing import FakeClock
from tests.fault.effort import effort
from tests.property.planning.pure_rule import Said

pytestmark = pytest.mark.timeout(effort(900, 7_200))

START = datetime(2024, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
"""Half a second past: nothing is said, and nobody looks, at the very instant of an occurrence."""

PERIODS = st.sampled_from([1, 4, 7, 30])
SPANS = st.sampled_from([1, 2, 3, 5, 8, 20, 61])
ON_TIME = 5 * SECOND


MEMORY = Path("/dev/shm")  # no power fails here: a commit need not wait for a disk


async def work() -> None:
    pass


@cache
def empty_ledger() -> bytes:
    """Return a ledger as its migrations make it; to make it costs more than to copy it."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "rota.db"
        ledger = open_ledger(f"sqlite:///{file}", clock=FakeClock(START))
        ledger.open()
        ledger.close()
        return file.read_bytes()


def times(period: int) -> dict[str, Any]:
    """Return an interval that is the same whenever it is first seen."""
    return {"seconds": period, "start_date": "1970-01-01"}


class Node:
    """A node that plans when it is told to look, on the loop of the test; it runs nothing."""

    def __init__(self, directory: Path, clock: FakeClock, overlap: str, period: int) -> None:
        manager = {"ledger_url": f"sqlite:///{directory / 'rota.db'}"}
        self.manager = TaskManager(
            Xcorecfg.model_validate({"manager": manager}), project=directory, clock=clock
        )
        self.manager.add_task(
            work, "interval", "t", **times(period), overlap=overlap, catchup_limit=10_000
        )
        self.engine = self.manager.services.engine
        self.engine.capacity.working = False
        self.planning: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        self.manager.history.task_ids()  # which opens the ledger
        now = self.engine.clock.now()
        await self.engine.gateway.until_done(lambda tx: tx.rewind(now))
        await self.engine.task_sync.register_all()
        self.engine.planner.wake.bind(asyncio.get_running_loop())
        self.planning = asyncio.create_task(self.engine.planner.run())

    async def look(self) -> None:
        """Take what is due, and return when it is written."""
        planner = self.engine.planner
        planner.due(self.engine.ticking.take_due())
        while not planner.is_idle:  # noqa: ASYNC110  # several writes
            await asyncio.sleep(0.0005)

    async def end(self) -> None:
        assert self.planning is not None
        self.planning.cancel()
        with suppress(asyncio.CancelledError):
            await self.planning
        self.manager.shutdown()


class Planning(RuleBasedStateMachine):
    """Says things of a task, lets time pass, and looks at the rows after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        (self.directory / "rota.db").write_bytes(empty_ledger())
        self.clock = FakeClock(START)
        self.nodes: list[Node] = []
        self.looked: list[Instant] = []  # when a node planned
        self.judged: set[str] = set()  # runs whose first look was compared with the rule

    def teardown(self) -> None:
        try:
            assert self.findings() == [], "the record is sound by the rules that it keeps"
        finally:
            self.close()

    def close(self) -> None:
        for node in self.nodes:
            self.runner.run(node.end())
        self.desk.manager.shutdown()
        self.runner.close()
        shutil.rmtree(self.directory)

    @initialize(
        period=PERIODS, overlap=st.sampled_from(["allow", "skip", "queue"]), two=st.booleans()
    )
    def begin(self, period: int, overlap: str, two: bool) -> None:
        self.overlap, self.period = overlap, period
        self.edited = False
        self.said = Said(self.now, [(0, period)])
        self.skipped: set[Instant] = set()
        self.start_node()
        self.desk = Node(self.directory, self.clock, overlap, period)
        if two:
            self.start_node()

    @property
    def now(self) -> Instant:
        return self.clock.now()

    # --- time, and who is there ---

    @rule(span=SPANS)
    def advance(self, span: int) -> None:
        self.clock.advance(span)
        self.look()

    @precondition(lambda self: 0 < len(self.nodes) < 2)
    @rule()
    def start_another(self) -> None:
        self.start_node()

    @precondition(lambda self: not self.nodes)
    @rule()
    def restart(self) -> None:
        self.start_node()

    @precondition(lambda self: not self.nodes)
    @rule(period=PERIODS)
    def restart_with_other_code(self, period: int) -> None:
        if not self.edited and period != self.period:
            self.said.edit(self.now, period)
        self.period = period
        self.start_node()
        self.desk.manager.shutdown()
        self.desk = Node(self.directory, self.clock, self.overlap, period)

    @precondition(lambda self: self.nodes)
    @rule()
    def stop_node(self) -> None:
        self.runner.run(self.nodes.pop(0).end())

    @precondition(lambda self: self.nodes and self.now - self.said.last_change() > 70 * SECOND)
    @rule(span=st.sampled_from([2, 9, 60]))
    def step_back(self, span: int) -> None:
        self.clock.step(-span)
        for node in self.nodes:
            self.runner.run(node.engine.task_sync.rewind(self.now))
        self.looked = [at for at in self.looked if at < self.now] + [self.now]
        self.skipped = {at for at in self.skipped if at <= self.now}
        self.look()

    def start_node(self) -> None:
        node = Node(self.directory, self.clock, self.overlap, self.period)
        self.runner.run(node.begin())
        self.nodes.append(node)
        self.look()

    def look(self) -> None:
        for node in self.nodes:
            self.runner.run(node.look())
        if self.nodes:
            self.looked.append(self.now)

    # --- what is laid over it ---

    @rule(span=st.none() | st.sampled_from([1, 3, 10, 100, 3600]))
    def pause(self, span: int | None) -> None:
        until = None if span is None else self.now + span * SECOND
        self.said.pause(self.now, until)
        self.do(lambda m: m.pause_task("t", until=None if until is None else to_datetime(until)))

    @rule()
    def resume(self) -> None:
        self.said.resume(self.now)
        self.do(lambda manager: manager.resume_task("t"))

    @rule()
    def disable(self) -> None:
        self.said.disable(self.now)
        self.do(lambda manager: manager.edit_task("t", enabled=False))

    @rule()
    def enable(self) -> None:
        self.said.enable(self.now)
        self.do(lambda manager: manager.edit_task("t", enabled=True))

    @rule(period=PERIODS)
    def edit(self, period: int) -> None:
        self.edited = True
        self.said.edit(self.now, period)
        self.do(lambda manager: manager.edit_task("t", trigger_args=times(period)))

    @rule()
    def reset(self) -> None:
        self.edited = False
        self.said.edit(self.now, self.period)
        self.do(lambda manager: manager.reset_task("t", "trigger_args"))

    @precondition(lambda self: self.nodes and not self.said.is_off(self.now))
    @rule()
    def skip_next(self) -> None:
        with suppress(StateError):  # its row was just made
            self.do(lambda m: self.skipped.add(round(m.skip_next("t").timestamp()) * SECOND))

    def do(self, verb: Callable[[TaskManager], object]) -> None:
        """Have somebody say it, and every node hear of it."""
        verb(self.desk.manager)
        for node in self.nodes:
            self.runner.run(node.engine.change_poller.refresh())
        self.look()

    # --- what must be true ---

    def findings(self) -> list[Finding]:
        """Return what the verification of the record finds."""
        evidence = self.desk.manager.history.evidence
        return list(verify(evidence, Question(self.now, 0, fresh=0, edge=0)))

    @invariant()
    def there_is_a_row_of_each_instant_that_needs_one(self) -> None:
        if not self.nodes:
            return
        runs = self.runs()
        have = [run.fire_time or 0 for run in runs if (run.fire_time or 0) <= self.now]
        assert len(have) == len(set(have))
        needed = self.said.needed(self.now)
        extra = set(have) - set(needed) - self.skipped
        assert (sorted(set(needed) - set(have)), sorted(extra)) == ([], [])
        for run in runs:
            assert run.fire_time is not None
            if run.id in self.judged:
                continue  # a step back of the clock makes no row late, or on time, afterwards
            self.judged.add(run.id)
            met = [at for at in self.looked if at >= run.fire_time]
            if met and met[0] - run.fire_time <= ON_TIME:
                assert run.state is not State.MISSED, "it was on time"

    def runs(self) -> list[Run]:
        history = self.nodes[0].manager.history
        page = history.runs(RunFilter(task_id="t"), limit=100_000, newest_first=False)
        assert page.next is None
        return page.runs


TestPlanning = Planning.TestCase
TestPlanning.settings = settings(
    max_examples=effort(200, 5_000),
    stateful_step_count=effort(12, 60),
    deadline=None,
    phases=[Phase.generate],  # a failure is told as it came: to shrink it takes long
    suppress_health_check=list(HealthCheck),
)
