"""The clock of a node: the only importer of apscheduler."""

from rota.scheduling.clock import TickingClock
from rota.scheduling.heap_store import LEAD, LONGEST_LEAD, DueTask

__all__ = ["LEAD", "LONGEST_LEAD", "DueTask", "TickingClock"]
