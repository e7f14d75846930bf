"""What every loop of a node works on."""

from __future__ import annotations

from dataclasses import dataclass, field

from rota.core.ids import RunIds
from rota.core.ports.clock import Clock
from rota.core.ports.ledger import Ledger
from rota.engine.ledger_gateway import LedgerGateway
from rota.engine.membership.identity import Identity
from rota.engine.planning.task_registry import Registry
from rota.engine.running.in_flight import InFlightRuns
from rota.engine.signals import NodeSignals
from rota.engine.upkeep.step_detecting_clock import StepDetectingClock


@dataclass(frozen=True, slots=True)
class NodeContext:
    """What all loops of one node share; each loop can be built from it alone.

    If a loop needs another one that is built before it, that is a parameter of its own. What it
    reports to one that is built later goes through `signals`.
    """

    clock: StepDetectingClock  # the ledger's, which the node follows
    machine: StepDetectingClock  # this machine's own: the same one, if the ledger has none
    ledger: Ledger
    gateway: LedgerGateway
    identity: Identity
    registry: Registry = field(default_factory=Registry)
    in_flight: InFlightRuns = field(default_factory=InFlightRuns)
    signals: NodeSignals = field(default_factory=NodeSignals)


def node_context(
    ledger: Ledger, machine: Clock, ids: RunIds, *, name: str | None = None, version: str = ""
) -> NodeContext:
    """Return the context of a node of that name and version; opens and reads nothing."""
    clock = StepDetectingClock(ledger.clock)
    return NodeContext(
        clock=clock,
        machine=clock if ledger.clock is machine else StepDetectingClock(machine),
        ledger=ledger,
        gateway=LedgerGateway(ledger, clock),
        identity=Identity(clock, ids, name=name, version=version),
    )
