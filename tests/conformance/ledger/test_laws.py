"""Whatever happens in whatever order: one row per occurrence, one holder per run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rota.core.ports.records import AttemptEnd, Claim, ClaimVerdict, Orphan
from rota.core.run import FINAL, Run, State
from rota.core.task import Overlap
from rota.core.time import SECOND
from tests.conformance.ledger.desk import NOON, Desk, ids

TASKS = st.sampled_from(["p", "q"])
NODES = st.sampled_from(["a", "b"])
ENDS = [State.SUCCEEDED, State.FAILED, State.QUEUED, State.SCHEDULED, State.LOST, State.CANCELLED]


class LedgerLaws(RuleBasedStateMachine):
    """Nodes plan, claim, settle, die and cancel; a model of a few lines says what must be."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk("memory://").__enter__()
        self.occurrences: dict[tuple[str, int], str] = {}  # → the id that won
        self.holders: dict[str, tuple[str, int]] = {}  # run id → node, fence
        self.claims: list[tuple[str, Claim]] = []  # every claim there ever was
        self.ended: dict[str, Run] = {}  # run id → the run as it ended

    def teardown(self) -> None:
        self.desk.__exit__(None, None, None)

    @initialize()
    def nodes_join(self) -> None:
        for node in "ab":
            self.desk.join(node, lease=10**6)

    @rule(
        task=TASKS,
        times=st.lists(st.integers(0, 12), max_size=4),
        overlap=st.sampled_from(Overlap),
        caught_up=st.booleans(),
    )
    def plan(self, task: str, times: list[int], overlap: Overlap, caught_up: bool) -> None:
        new = [
            self.desk.new(task, fire_time=NOON + n, overlap=overlap, caught_up=caught_up)
            for n in times
        ]
        won = set(ids(self.desk.plan(*new)))
        for run in new:
            assert run.fire_time is not None
            key = (task, run.fire_time)
            assert (run.id in won) == (key not in self.occurrences)
            self.occurrences.setdefault(key, run.id)

    @rule(task=TASKS, overlap=st.sampled_from(Overlap))
    def start_by_hand(self, task: str, overlap: Overlap) -> None:
        assert len(self.desk.plan(self.desk.new(task, overlap=overlap))) == 1

    @rule(node=NODES, limit=st.integers(1, 4), exclude=st.sets(TASKS, max_size=1))
    def claim(self, node: str, limit: int, exclude: set[str]) -> None:
        running = {run.task_id for run in self.desk.active() if run.id in self.holders}
        for claim in self.desk.claim(node, limit=limit, exclude=exclude):
            assert claim.run_id not in self.holders
            assert claim.task_id not in exclude
            if self.desk.run(claim.run_id).exclusive:
                assert claim.task_id not in running
            running.add(claim.task_id)
            old = [c.fence for _, c in self.claims if c.run_id == claim.run_id]
            assert all(claim.fence > fence for fence in old)
            self.holders[claim.run_id] = (node, claim.fence)
            self.claims.append((node, claim))

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def settle_some(self, data: st.DataObject) -> None:
        """End a few attempts, old ones too, as one node."""
        node = data.draw(NODES)
        claims = data.draw(st.lists(st.sampled_from(self.claims), max_size=4))
        endings: list[AttemptEnd] = []
        refused: list[str] = []
        for _, claim in claims:
            state = data.draw(st.sampled_from(ENDS))
            endings.append(self.desk.ending(claim, state, available_at=self.desk.now))
            if self.holders.get(claim.run_id) == (node, claim.fence):
                del self.holders[claim.run_id]
            else:
                refused.append(claim.run_id)
        assert self.desk.settle(*endings, node=node) == refused

    @rule(node=NODES)
    def die(self, node: str) -> None:
        """A node is declared gone, and one with a new life joins under its name."""

        def judge(orphan: Orphan) -> AttemptEnd:
            claim = next(c for _, c in self.claims if c.run_id == orphan.run.id)
            held = claim._replace(fence=orphan.run.fence, attempt=orphan.run.attempt)
            return self.desk.ending(held, State.QUEUED)

        before = {run_id for run_id, (holder, _) in self.holders.items() if holder == node}
        gone = [one for one in self.desk.history.nodes() if one.id == node]
        taken = self.desk.do(lambda tx: tx.reap(judge, gone))
        assert set(ids(taken)) == before
        for run_id in before:
            del self.holders[run_id]
        self.desk.do(lambda tx: tx.prune(self.desk.now + SECOND, 0))  # forgets the dead node only
        self.desk.join(node, lease=10**6)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        active = self.desk.active()
        if active:
            run = data.draw(st.sampled_from(active))
            state = self.desk.do(lambda tx: tx.cancel(run.id, "manually", self.desk.now))
            assert state is (State.RUNNING if run.id in self.holders else State.CANCELLED)

    @rule()
    def miss(self) -> None:
        self.desk.claim(
            limit=1,
            judge=lambda waiting: ClaimVerdict([], [(run.run_id, "late") for run in waiting]),
        )

    @rule(seconds=st.integers(1, 5))
    def wait(self, seconds: int) -> None:
        self.desk.clock.move(seconds)

    @invariant()
    def every_occurrence_has_its_row(self) -> None:
        rows = self.desk.history.runs(limit=1000).runs
        keys = [(run.task_id, run.fire_time) for run in rows if run.fire_time is not None]
        assert len(keys) == len(set(keys))
        assert set(keys) == set(self.occurrences)
        assert {(run.task_id, run.fire_time): run.id for run in rows if run.fire_time} == (
            self.occurrences
        )

    @invariant()
    def who_runs_has_one_holder(self) -> None:
        running = {
            run.id: (run.node, run.fence)
            for run in self.desk.active()
            if run.state is State.RUNNING
        }
        assert running == self.holders

    @invariant()
    def what_has_ended_never_changes(self) -> None:
        for run in self.desk.history.runs(limit=1000).runs:
            assert (run.state in FINAL) == (run.finished_at is not None)
            if run.state in FINAL:
                self.ended.setdefault(run.id, run)
            assert self.ended.get(run.id, run) == run


TestLedgerLaws = LedgerLaws.TestCase
TestLedgerLaws.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
