"""The clock of a node: the only importer of apscheduler."""

from rota.scheduling.clock import TickingClock
from rota.scheduling.heap_store import DueTask

__all__ = ["DueTask", "TickingClock"]
