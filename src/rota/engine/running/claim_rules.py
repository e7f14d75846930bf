"""Which waiting runs this node claims."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rota.core.ports.records import ClaimVerdict, Waiting
from rota.core.task import Overlap
from rota.core.time import Instant, seconds, to_iso
from rota.engine.context import NodeContext
from rota.engine.running.capacity import Capacity
from rota.engine.running.limits import TaskLimits
from rota.engine.running.stuck_attempts import StuckAttempts


class ClaimRules:
    """Judges waiting runs by what this node knows, serves and has room for."""

    def __init__(
        self, context: NodeContext, capacity: Capacity, stuck: StuckAttempts, limits: TaskLimits
    ) -> None:
        self._clock = context.clock
        self._registry = context.registry
        self._in_flight = context.in_flight
        self._capacity = capacity
        self._stuck = stuck
        self._limits = limits

    def round(self, free: Mapping[str, int]) -> ClaimRound:
        """Return what judges one claim, by the free slots of each executor."""
        return ClaimRound(self, free, self._stuck.anywhere(), self._clock.now(), self._limits)

    def judge(
        self, run: Waiting, free: dict[str, int], stuck: Collection[str], now: Instant
    ) -> str | bool | None:
        """Return True to claim a waiting run, False to leave it, None to claim it once a slot is
        free, or the reason why it is missed. Takes the slot out of `free`.
        """
        entry = self._registry.get(run.task_id)
        capacity = self._capacity
        if entry is None or capacity.only not in (None, run.task_id):
            return False
        if not capacity.serves(entry, run.options):
            return False
        policy = entry.policy
        if policy.start_deadline is not None and run.fire_time is not None and run.attempt == 0:
            latest = max(run.fire_time, run.available_at) + seconds(policy.start_deadline)
            if now > latest:
                return f"it could not start by {to_iso(latest)} (start_deadline)"
        if policy.overlap is not Overlap.ALLOW and run.task_id in stuck:
            return False
        executor = entry.definition.executor
        if free.get(executor, 0) <= 0:  # none of them, for a task that was added meanwhile
            return None
        free[executor] -= 1
        return True

    def expect(self, run_ids: Sequence[str]) -> None:
        """Note what is being claimed; called on the ledger's thread."""
        self._in_flight.coming = frozenset(run_ids)


class ClaimRound:
    """Judges the runs of one claim; starts over when the ledger repeats the operation."""

    def __init__(
        self,
        rules: ClaimRules,
        free: Mapping[str, int],
        stuck: Collection[str],
        now: Instant,
        limits: TaskLimits,
    ) -> None:
        self._rules = rules
        self._free = free
        self._stuck = stuck
        self.now = now
        self.held = limits.probe()
        self.refused: set[str] = set()  # the tasks of which none is claimed
        self.kept: set[str] = set()  # the runs for which no slot was free
        self.busy: set[str] = set()  # the executors of those that are taken
        self.starts: dict[str, Instant] = {}
        self.unjudged: dict[str, Exception] = {}  # run id → why it cannot be judged
        self.missed = False

    def __call__(self, waiting: Sequence[Waiting]) -> ClaimVerdict:
        """Return which runs are taken and which are missed; called on the ledger's thread."""
        free, take, miss = dict(self._free), [], []
        self.refused.clear()
        self.kept.clear()
        for run in waiting:
            verdict = self._judge(run, free)
            if verdict is True:
                take.append(run.run_id)
                self.starts[run.run_id] = max(run.available_at, self.now)
            elif verdict is None:
                self.kept.add(run.run_id)
            elif verdict is False:
                self.refused.add(run.task_id)
            else:
                miss.append((run.run_id, verdict))
        self.missed = bool(miss)
        self.busy = {name for name, slots in free.items() if slots < self._free[name]}
        self._rules.expect(take)
        return ClaimVerdict(take, miss)

    def _judge(self, run: Waiting, free: dict[str, int]) -> str | bool | None:
        """Judge a run; one that cannot be judged is claimed, and ends with that error."""
        try:
            return self._rules.judge(run, free, self._stuck, self.now)
        except Exception as error:
            self.unjudged[run.run_id] = error
            return True
