"""The clock of a node: the only importer of apscheduler."""

from rota.scheduling.clock import TickingClock
from rota.scheduling.heap_store import LONGEST_LEAD, DueTask

__all__ = ["LONGEST_LEAD", "DueTask", "TickingClock"]
