"""What a node is and does, as it knows it itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rota.diagnosis.vitals import Vitals


class StuckAttempt(NamedTuple):
    """An attempt that was asked to stop and runs on."""

    task_id: str
    run_id: str
    place: str
    seconds: float


class Stall(NamedTuple):
    """A lane of the broker that delivers nothing, although messages wait and slots are free."""

    lane: str
    seconds: float
    messages: int
    free: int


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node knows of itself, for its health."""

    name: str
    is_running: bool
    vitals: Vitals
    ledger_url: str
    tasks: int
    running: int
    stuck: Sequence[StuckAttempt]
    blocked: tuple[float, str | None, str] | None  # for how many seconds, by which task, and where
    clock_ahead: float | None  # seconds, of the database's; None: the ledger has no clock
    broken_tasks: Mapping[str, str]
    broker: Sequence[str]  # why it is away
    stalls: Sequence[Stall]
    frozen: str | None  # when the whole interpreter stood still
