"""Reading what changed in the ledger since the last read: runs, tasks and nodes, on any node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from rota.core.ids import RunIds
from rota.core.ports.clock import Clock
from rota.core.ports.history import History
from rota.core.ports.records import NodeRecord, RunFilter, StoredTask
from rota.core.run import ACTIVE, Run
from rota.core.time import SECOND, Instant

MOST = 1_000
"""The most runs that one read reports; if more changed, it reports only a reset."""

WINDOW: Instant = 3 * SECOND
"""How far back to look for new runs: the clock of another node may be behind."""


class LedgerEvent(NamedTuple):
    """A change in the ledger, with the new state."""

    kind: str  # run, task, node, or reset: too much changed to report, so read everything again
    data: dict[str, Any]


RESET = LedgerEvent("reset", {})


class ChangeReader:
    """A repeated reader of changes; use it on one thread at a time."""

    def __init__(self, history: History, clock: Clock) -> None:
        self._history = history
        self._clock = clock
        self._revision = -1
        self._nodes: dict[str, NodeRecord] = {}
        self._runs: dict[str, Run] = {}  # the recent and the active ones, as last reported
        self._last = ""
        self.read()  # what exists already is not a change

    def read(self) -> list[LedgerEvent]:
        """Return the changes since the last call; raises LedgerError."""
        return [*self._tasks(), *self._nodes_changed(), *self._runs_changed()]

    def _tasks(self) -> list[LedgerEvent]:
        changed = self._history.changed_tasks(self._revision)
        self._revision = max([self._revision, *(task.revision for task in changed)])
        return [LedgerEvent("task", _task(task)) for task in changed]

    def _nodes_changed(self) -> list[LedgerEvent]:
        before, self._nodes = self._nodes, {node.id: node for node in self._history.nodes()}
        return [
            LedgerEvent("node", {"id": node.id, "name": node.name, "state": node.state})
            for node in self._nodes.values()
            if node.id not in before or before[node.id].state != node.state
        ]

    def _runs_changed(self) -> list[LedgerEvent]:
        young = RunIds().new(max(self._clock.now() - WINDOW, 0))[:10]
        after = min(self._last or young, young)
        new = self._history.runs(after=after, limit=MOST, newest_first=False).runs
        active = self._history.runs(RunFilter(states=ACTIVE), limit=MOST).runs
        now = {run.id: run for run in [*new, *active]}
        ended = [id for id, run in self._runs.items() if run.state in ACTIVE and id not in now]
        now.update((run.id, run) for run in self._history.runs_by_id(ended))
        before = self._runs
        self._runs = {id: run for id, run in now.items() if id > young or run.state in ACTIVE}
        crowd = MOST in (len(new), len(active))
        newest = self._history.runs(limit=1).runs if crowd else now.values()
        self._last = max([self._last, *(run.id for run in newest)])
        if crowd:
            return [RESET]
        return [LedgerEvent("run", _run(run)) for run in sorted(_changed(now, before), key=_by_id)]


def _changed(now: dict[str, Run], before: dict[str, Run]) -> Iterable[Run]:
    for id, run in now.items():
        earlier = before.get(id)
        if earlier is None or (earlier.state, earlier.attempt) != (run.state, run.attempt):
            yield run


def _by_id(run: Run) -> str:
    return run.id


def _run(run: Run) -> dict[str, Any]:
    return {"id": run.id, "task_id": run.task_id, "state": run.state, "attempt": run.attempt}


def _task(task: StoredTask) -> dict[str, Any]:
    return {"id": task.record.id, "removed": task.removed_at is not None}
