"""The clock of a node: the only importer of apscheduler."""

from rota.scheduling.heap_store import LONGEST_LEAD, DueTask
from rota.scheduling.ticker import TickingClock

__all__ = ["LONGEST_LEAD", "DueTask", "TickingClock"]
