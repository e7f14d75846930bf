"""The settings of the engine; spans are seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rota.core.limits import GroupLimit
from rota.triggers.calendars.windows import MaintenanceWindow


@dataclass(frozen=True, slots=True)
class Settings:
    """The engine's own numbers; the contract's `manager` section, section 5, names them."""

    node_name: str | None = None
    version: str = ""
    lease_seconds: float = 10.0
    shutdown_grace: float = 30.0
    retention_days: float = 30.0
    run_log_limit: int = 1024 * 1024
    queues: frozenset[str] | None = None  # those whose runs are made here; None: all
    gc_freeze: bool = False  # also in a process that is not rota's own
    groups: Mapping[str, GroupLimit] = field(default_factory=dict)
    windows: tuple[MaintenanceWindow, ...] = ()
