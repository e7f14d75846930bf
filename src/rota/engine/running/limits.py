"""The limits of this node's tasks, and what they hold back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rota.core.limits import ALONE, GroupLimit, Limit, rate_of
from rota.core.task import Policy
from rota.core.time import Instant
from rota.engine.planning.task_registry import Registry


class TaskLimits:
    """Knows the limits of each task, and which tasks are under a limit."""

    def __init__(self, registry: Registry, groups: Mapping[str, GroupLimit]) -> None:
        self._registry = registry
        self._groups = groups

    def probe(self) -> LimitProbe | None:
        """Return the probe for one claim or offer; None if no task has a limit."""
        return LimitProbe(self) if self._registry.limited else None

    def of(self, task_id: str) -> Sequence[Limit]:
        """Return the limits of a task: its own, and those of its group."""
        entry = self._registry.get(task_id)
        if entry is None or task_id not in self._registry.limited:
            return ()
        return [*self._own(task_id, entry.policy), *self._shared(entry.policy.group)]

    def under(self, limits: Collection[Limit]) -> set[str]:
        """Return the tasks that are under any of these limits."""
        groups = {limit.group for limit in limits if limit.group is not None}
        found = {limit.task_id for limit in limits if limit.task_id is not None}
        if groups:
            for task_id in self._registry.limited:
                entry = self._registry.get(task_id)
                if entry is not None and entry.policy.group in groups:
                    found.add(task_id)
        return found

    def _own(self, task_id: str, policy: Policy) -> list[Limit]:
        if policy.max_running is None and policy.rate is None:
            return []
        rate = rate_of(policy.rate) if policy.rate else None
        name = f"task {task_id}"
        return [Limit(name, task_id=task_id, max_running=policy.max_running, rate=rate)]

    def _shared(self, group: str | None) -> list[Limit]:
        if group is None:
            return []
        limit = self._groups.get(group, ALONE)
        rate = rate_of(limit.rate) if limit.rate else None
        return [Limit(f"group {group}", group=group, max_running=limit.max_running, rate=rate)]


class LimitProbe:
    """The limits that blocked runs in one claim or offer: see `core.ports.ledger.Limits`."""

    def __init__(self, limits: TaskLimits) -> None:
        self._limits = limits
        self._full: Collection[Limit] = ()
        self.until: Instant | None = None  # when the first of the full rates lets a run start

    def of(self, task_id: str) -> Sequence[Limit]:
        """See `core.ports.ledger.Limits`."""
        return self._limits.of(task_id)

    def hold(self, full: Collection[Limit], until: Instant | None) -> None:
        """See `core.ports.ledger.Limits`."""
        self._full, self.until = full, until

    def tasks(self) -> set[str]:
        """Return the tasks whose runs cannot start now."""
        return self._limits.under(self._full)
