"""Marking worker processes: they execute single calls, and are not nodes."""

from __future__ import annotations

import threading

from rota.errors import UnstartableError
from rota.executors import stack_location

_worker = threading.Event()


def become_a_worker() -> None:
    """Mark this process as a worker process."""
    _worker.set()


def refuse_in_a_worker(what: str) -> None:
    """Raise UnstartableError in a worker process, with the user's line that attempts `what`."""
    if _worker.is_set():
        where = stack_location.of_thread(threading.get_ident())
        raise UnstartableError(
            f"{what} in a worker process, which imported this file only to call a function of it.",
            where=where,
            remedy="Write it below `if __name__ == '__main__':`, or into a file of its own.",
        )
