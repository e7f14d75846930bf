"""An APScheduler executor that runs nothing: it reports which task is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job

from rota.scheduling.heap_store import DueTask


class Handover(BaseExecutor):  # type: ignore[misc]  # apscheduler has no types
    """Passes the due tasks of a tick to `due`, which must be quick and must not raise.

    No user code, no ledger and nothing that waits runs inside the tick.
    """

    def __init__(self, due: Callable[[list[DueTask]], None]) -> None:
        super().__init__()
        self._due = due

    def submit_job(self, job: Job, run_times: list[datetime]) -> None:
        """Hand the tasks over; the planner decides what becomes of their instants."""
        self._due(*job.args)

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        raise AssertionError("submit_job is overridden as a whole")


def hand_over(_: list[DueTask]) -> None:
    """Serve as the function of the jobs that APScheduler lists; it is never called."""
