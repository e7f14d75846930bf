"""The clock of a node: the only importer of apscheduler."""

from rota.scheduling.clock import TickingClock

__all__ = ["TickingClock"]
