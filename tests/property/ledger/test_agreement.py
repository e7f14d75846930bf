"""Memory, SQLite and PostgreSQL agree: the same answers, and the same history, step by step."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rota.core.ports.ledger import Transaction
from rota.core.ports.records import AttemptEnd, Claim, ClaimVerdict, Edits, NewRun, Orphan, Waiting
from rota.core.run import Cause, State, Step
from rota.core.task import Overlap
from rota.core.time import DAY, SECOND
from rota.errors import RotaError
from tests.conformance.ledger.desk import NOON, Desk, FakeClock, line, record
from tests.fault.effort import effort
from tests.postgres import Postgres

pytestmark = pytest.mark.timeout(400)  # twelve ledgers of each kind, on whatever machine

TASKS = st.sampled_from(["p", "q"])
NAMES = "abc"
NODES = st.sampled_from(NAMES)
# Words that databases sort, compare and store in ways of their own.
TEXTS = st.sampled_from(
    ["", "manually", "Ärger", "a", "B", "%_\\", "'\"", "nul \x00", "𝄞", "\ud800"]
)
ENDS = [State.SUCCEEDED, State.FAILED, State.QUEUED, State.SCHEDULED, State.LOST, State.CANCELLED]
NEW = st.fixed_dictionaries(
    {
        "task_id": TASKS,
        "fire_time": st.none() | st.integers(NOON, NOON + 8),
        "overlap": st.sampled_from(Overlap),
        "queue_limit": st.integers(1, 2),
        "caught_up": st.booleans(),
        "claim": st.none() | NODES,
        "arguments": st.none() | st.fixed_dictionaries({"k": TEXTS | st.integers()}),
    }
)


class Agreement(RuleBasedStateMachine):
    """Does the same to all three, and looks at all of each after every step."""

    postgres: ClassVar[Postgres]

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.open = ExitStack()
        directory = tempfile.mkdtemp()
        self.open.callback(shutil.rmtree, directory)
        server = self.open.enter_context(self.postgres.ledger())
        urls = ["memory://", f"sqlite:///{Path(directory) / 'rota.db'}", server]
        self.desks = [self.open.enter_context(Desk(url, clock=self.clock)) for url in urls]
        self.first = self.desks[0]
        self.claims: list[Claim] = []
        self.joined: list[str] = []
        self.join(90)

    def teardown(self) -> None:
        self.open.close()

    def all_do(self, operation: Callable[[Transaction], Any]) -> Any:
        """Do it everywhere and return the one answer, or the error that it was."""
        answers = [self._answer(desk, operation) for desk in self.desks]
        assert answers[1] == answers[0], "sqlite"
        assert answers[2] == answers[0], "postgres"
        return answers[0]

    def _answer(self, desk: Desk, operation: Callable[[Transaction], Any]) -> Any:
        try:
            return desk.do(operation)
        except RotaError as error:
            return type(error), str(error)

    @property
    def now(self) -> int:
        return self.clock.now()

    # --- tasks ---

    @rule(tasks=st.lists(TASKS, unique=True), schedule=TEXTS, enabled=st.booleans())
    def register(self, tasks: list[str], schedule: str, enabled: bool) -> None:
        some = [record(task, schedule=schedule, enabled=enabled) for task in tasks]
        self.all_do(lambda tx: tx.register(some, self.now))

    @rule(task=TASKS, seconds=st.none() | st.integers(1, 30), reason=TEXTS)
    def pause(self, task: str, seconds: int | None, reason: str) -> None:
        until = None if seconds is None else self.now + seconds * SECOND
        self.all_do(lambda tx: tx.pause(task, self.now, until, reason))

    @rule(task=TASKS)
    def resume(self, task: str) -> None:
        self.all_do(lambda tx: tx.resume(task, self.now))

    @rule(task=TASKS, name=st.none() | TEXTS, enabled=st.none() | st.booleans())
    def edit(self, task: str, name: str | None, enabled: bool | None) -> None:
        self.all_do(lambda tx: tx.edit(task, Edits(name=name, enabled=enabled), self.now))

    @rule(task=TASKS)
    def remove(self, task: str) -> None:
        self.all_do(lambda tx: tx.remove(task, self.now))

    @rule(tasks=st.lists(TASKS, unique=True), days=st.integers(0, 2))
    def see_and_forget(self, tasks: list[str], days: int) -> None:
        later = self.now + days * DAY
        self.all_do(lambda tx: tx.seen(tasks, later))
        self.all_do(lambda tx: tx.forget(later - DAY, self.now))

    # --- runs ---

    @rule(some=st.lists(NEW, max_size=5), planned_until=st.none() | st.integers(0, 9))
    def plan(self, some: list[dict[str, Any]], planned_until: int | None) -> None:
        runs = [self._new(**words) for words in some]
        moved = None if planned_until is None else {"p": NOON + planned_until, "never": NOON}
        for planned in self.all_do(lambda tx: tx.plan(runs, moved)):
            if planned.state is State.RUNNING:
                self.claims.append(
                    Claim(planned.run_id, planned.task_id, None, Cause.MANUAL, 1, 0, 0, 1, None, 0)
                )

    def _new(self, **words: Any) -> NewRun:
        return self.first.new(**words)

    @rule(
        node=NODES,
        limit=st.integers(1, 4),
        exclude=st.sets(TASKS, max_size=1),
        misses=st.booleans(),
    )
    def claim(self, node: str, limit: int, exclude: set[str], misses: bool) -> None:
        def judge(waiting: Sequence[Waiting]) -> ClaimVerdict:
            take = [run.run_id for run in waiting]
            return ClaimVerdict(take[misses:], [(run_id, "late") for run_id in take[:misses]])

        claims = self.all_do(lambda tx: tx.claim(node, self.now, limit, exclude, judge))
        if isinstance(claims, list):  # else the node may not claim, and all say so
            self.claims += claims

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), node=NODES, state=st.sampled_from(ENDS), result=TEXTS)
    def settle(self, data: st.DataObject, node: str, state: State, result: str) -> None:
        claims = data.draw(st.lists(st.sampled_from(self.claims), max_size=4))
        endings = [
            self.first.ending(claim, state, available_at=self.now + SECOND, result=result)
            for claim in claims
        ]
        self.all_do(lambda tx: tx.settle(endings, node))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), text=TEXTS)
    def report(self, data: st.DataObject, text: str) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        lines = [line(claim.run_id, seq, text) for seq in (1, 2)]
        self.all_do(lambda tx: tx.log(lines))
        self.all_do(lambda tx: tx.progress(claim.run_id, claim.fence, {"note": text}))
        self.all_do(lambda tx: tx.checkpoint(claim.run_id, claim.fence, text))
        step = Step("pq"[len(text) % 2], text, self.now)
        self.all_do(lambda tx: tx.remember(claim.run_id, claim.fence, step))

    @rule(data=st.data(), reason=TEXTS)
    def cancel(self, data: st.DataObject, reason: str) -> None:
        known = [run.id for run in self.first.history.runs(limit=1000).runs]
        run_id = data.draw(st.sampled_from([*known, "never"]))
        self.all_do(lambda tx: tx.cancel(run_id, reason, self.now))

    # --- nodes ---

    @rule(lease=st.integers(1, 30))
    def join(self, lease: int) -> None:
        if len(self.joined) < len(NAMES):
            self.joined.append(NAMES[len(self.joined)])
            for desk in self.desks:
                desk.join(self.joined[-1], lease=lease)

    @rule(node=NODES, lease=st.integers(1, 30))
    def beat(self, node: str, lease: int) -> None:
        until = self.now + lease * SECOND
        self.all_do(lambda tx: tx.heartbeat(node, self.now, until, {"lease": lease}))

    @rule(node=NODES, state=st.sampled_from(["draining", "stopped"]))
    def leave(self, node: str, state: str) -> None:
        self.all_do(lambda tx: tx.leave(node, state, self.now))

    @rule(
        gone=st.sets(NODES, max_size=1),
        unconfirmed=st.booleans(),
        state=st.sampled_from([State.QUEUED, State.LOST]),
    )
    def reap(self, gone: set[str], unconfirmed: bool, state: State) -> None:
        def judge(orphan: Orphan) -> AttemptEnd:
            run = orphan.run
            held = Claim(run.id, "", None, Cause.MANUAL, run.attempt, 0, 0, run.fence, None, None)
            return self.first.ending(held, state)

        nodes = [node for node in self.first.history.nodes() if node.id in gone]
        fences = {one.run_id: one.fence for one in self.claims[-1:] if unconfirmed}
        self.all_do(lambda tx: tx.reap(judge, nodes, fences))

    @rule(seconds=st.integers(0, 40))
    def rewind(self, seconds: int) -> None:
        """The clock was ahead by so much."""
        self.all_do(lambda tx: tx.rewind(self.now - seconds * SECOND))

    @rule(limit=st.integers(0, 3))
    def prune(self, limit: int) -> None:
        self.all_do(lambda tx: tx.prune(self.now - 5 * SECOND, limit))

    @rule(seconds=st.integers(1, 20))
    def wait(self, seconds: int) -> None:
        self.clock.move(seconds)

    # --- what all must show ---

    @invariant()
    def the_history_is_the_same(self) -> None:
        memory, sqlite, postgres = map(self._history, self.desks)
        assert sqlite == memory
        assert postgres == memory

    def _history(self, desk: Desk) -> list[Any]:
        history = desk.history
        runs = history.runs(limit=1000).runs
        ids = [run.id for run in runs]
        return [
            runs,
            history.runs(limit=2, newest_first=False).runs,
            history.running(),
            history.waiting(1000),
            history.backlog(self.now),
            history.counts(self.now),
            history.last_runs(["p", "q"]),
            history.tasks(),
            history.changed_tasks(1),
            history.nodes(),
            [history.attempts(run_id) for run_id in ids],
            [history.steps(run_id) for run_id in ids],
            [history.logs(run_id) for run_id in ids],
            [replace(change, id="") for change in history.audit(limit=1000).changes],
            [history.cancellations(node) for node in NAMES],
            [history.running_of(node) for node in NAMES],
        ]


TestAgreement = Agreement.TestCase
TestAgreement.settings = settings(
    max_examples=effort(8, 200),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True, scope="module")
def _server(postgres: Postgres) -> None:
    Agreement.postgres = postgres
