"""The times around a run: what its task asks for with `current_run()`."""

from __future__ import annotations

from dataclasses import dataclass

from rota.core.ports.ledger import Ledger
from rota.core.time import Instant
from rota.engine.planning.task_registry import RegisteredTask


@dataclass(slots=True, eq=False)
class MomentsAround:
    """Finds the times around one run when they are asked for; callable from any thread."""

    entry: RegisteredTask
    fire_time: Instant | None
    started_at: Instant
    ledger: Ledger

    def __call__(self, name: str) -> Instant | None:
        """Return the time of that name, see `Reporter.moment`; raises LedgerError."""
        match name:
            case "previous_fire_time":
                before = self.started_at if self.fire_time is None else self.fire_time - 1
                return self.entry.trigger.last_before(before)
            case "next_fire_time":
                after = self.started_at if self.fire_time is None else self.fire_time
                return self.entry.trigger.next_after(after)
            case "last_success":
                run = self.ledger.history.last_success(
                    self.entry.definition.id, before=self.fire_time
                )
                return None if run is None else run.fire_time or run.started_at
        raise KeyError(name)
