"""A process that forks while its manager works; what its children find and do there.

Called as `family.py LEDGER_URL`. It plays one scene after the other and fails where a child does.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from rota.config import Xcorecfg
from rota.core.run import FINAL, State
from rota.errors import NotRunningError
from rota.manager import Manager, TaskManager
from rota.task_api.current_run import current_run
from rota.testing import eventually

PATIENCE = 60.0


def until(true: Callable[[], object]) -> None:
    """Wait for a predicate to become true."""
    eventually(true)


def who() -> int:
    """Say in which process it ran."""
    return os.getpid()


def child_of(work: Callable[[], None]) -> int:
    """Fork; the child does the work and ends by `sys.exit`, with its atexit functions."""
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(round(PATIENCE))  # one that hangs is killed, and seen
    work()
    sys.exit(0)


def ended_well(*pids: int) -> None:
    """Wait for children, each of which must have ended by itself."""
    for pid in pids:
        _, status = os.waitpid(pid, 0)
        assert status == 0, f"child {pid}: {os.waitstatus_to_exitcode(status)}"


def runs_here(manager: TaskManager) -> bool:
    """Start a run manually, wait for its end, and say whether it was made in this process."""
    run_id = manager.run_task("who")
    until(lambda: manager.get_run(run_id).state in FINAL)
    run = manager.get_run(run_id)
    assert run.state is State.SUCCEEDED, run
    return bool(run.result == os.getpid())


def is_down(manager: TaskManager) -> None:
    """Check what a child finds that has started nothing."""
    assert not manager.running
    assert Manager.task_manager is manager
    assert manager.health()["status"] == "down"
    assert {task.id for task in manager.list_tasks()} == {"who", "tick", "forks", "spawns", "hang"}
    assert len(threading.enumerate()) <= 3, threading.enumerate()  # the ledger's own


def come_and_go(manager: TaskManager) -> None:
    """Be a node for a moment."""
    manager.start()
    manager.shutdown()


# --- scenes -------------------------------------------------------------------------------------


def children_that_start_nothing(manager: TaskManager) -> None:
    """The parent goes on; the children read, or do nothing at all, and end."""
    ended_well(*(child_of(lambda: is_down(manager)) for _ in range(3)))
    ended_well(*(child_of(lambda: None) for _ in range(3)))
    for _ in range(3):
        if not (pid := os.fork()):
            os._exit(0)
        ended_well(pid)
    assert runs_here(manager)


def children_that_start(manager: TaskManager) -> None:
    """Each child is a node of its own beside the parent, and stops before it."""

    def node() -> None:
        manager.start()
        manager.start()
        until(lambda: runs_here(manager))
        assert manager.shutdown()

    before = {node.id for node in manager.history.nodes()}
    ended_well(*[child_of(node) for _ in range(3)])
    assert runs_here(manager)
    new = [node for node in manager.history.nodes() if node.id not in before]
    assert len({node.id for node in new}) == len({node.pid for node in new}) == 3, new


def a_parent_that_stops_first(manager: TaskManager) -> None:
    """A child goes on after its parent has closed the ledger: nothing it writes is lost."""
    closed, wake = os.pipe()

    def node() -> None:
        os.close(wake)
        manager.start()
        assert os.read(closed, 1) == b""
        for _ in range(20):
            assert runs_here(manager)
        assert manager.shutdown()

    before = len(manager.history.nodes())
    pid = child_of(node)
    until(lambda: len(manager.history.nodes()) > before)
    manager.shutdown()
    os.close(wake)
    ended_well(pid)
    mine = [run for run in manager.runs(states=["succeeded"], task_id="who") if run.result == pid]
    assert len(mine) >= 20


def a_busy_parent(manager: TaskManager) -> None:
    """Forks at any moment of the parent's work never leave a child with a lock that is held."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            manager.run_many("who", [None] * 3)
            manager.history.runs(limit=50)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(int(os.environ["FORKS"])):
        ended_well(child_of(lambda: is_down(manager)))
        if number % 10 == 0:
            ended_well(child_of(lambda: come_and_go(manager)))
    stop.set()
    for thread in threads:
        thread.join()
    until(lambda: not manager.history.counts(0).busy)


def forks() -> list[int]:
    """A task that forks: children that return, raise, exit, and go on for a while."""
    ends: list[int] = []
    for way in range(4):
        pid = os.fork()
        if pid == 0:
            with suppress(NotRunningError):
                os._exit(99 if current_run() else 98)
            signal.alarm(round(PATIENCE))
            print("a child speaks")  # noqa: T201
            logging.getLogger("child").warning("a child logs")
            if way == 0:
                return ["of no interest"]  # type: ignore[list-item]
            if way == 1:
                raise ValueError("of no interest")
            if way == 2:
                sys.exit(7)
            os._exit(8)
        ends.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    return ends


def spawns() -> int:
    """A task that uses multiprocessing with fork."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(abs, range(-10, 0)))


def tasks_that_fork(manager: TaskManager) -> None:
    """What a task forks is no second manager, and cannot end its run."""
    for id, expected in (("forks", [0, 1, 7, 8]), ("spawns", 55)):
        run_id = manager.run_task(id)
        until(lambda run_id=run_id: manager.get_run(run_id).state in FINAL)  # type: ignore[misc]
        run = manager.get_run(run_id)
        assert (run.state, run.result) == (State.SUCCEEDED, expected), (
            run,
            manager.history.attempts(run_id),
        )
    assert runs_here(manager)


def a_worker_process_beside_a_child(manager: TaskManager) -> None:
    """A child that lives on does not keep a worker process of its parent's from being killed."""
    run_id = manager.run_task("hang")
    until(lambda: len(psutil.Process().children(recursive=True)) >= 3)
    family = psutil.Process().children(recursive=True)
    pid = child_of(signal.pause)
    manager.cancel_run(run_id)
    until(lambda: manager.get_run(run_id).state in FINAL)
    assert manager.get_run(run_id).state is State.CANCELLED
    until(lambda: not [one for one in family if one.is_running()])
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


SCENES: list[Callable[[TaskManager], object]] = [
    children_that_start_nothing,
    children_that_start,
    tasks_that_fork,
    a_worker_process_beside_a_child,
    a_busy_parent,
    a_parent_that_stops_first,
]


def main() -> None:
    """Play the scenes, then look whether the ledger is sound."""
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    settings = {"ledger_url": sys.argv[1], "max_task_retries": 0}
    manager = TaskManager(Xcorecfg.model_validate({"manager": settings}), project=Path.cwd())
    manager.add_task(who, "date", "who", run_date="2100-01-01", overlap="allow")
    manager.add_task(who, "interval", "tick", seconds=1)
    for task in (forks, spawns):
        manager.add_task(task, "date", task.__name__, run_date="2100-01-01")
    manager.add_task(
        os.system,
        "date",
        "hang",
        run_date="2100-01-01",
        args=["setsid sleep 600"],
        executor="process",
    )
    manager.start()
    assert runs_here(manager)
    for scene in SCENES:
        scene(manager)
    runs = list(manager.runs())
    assert {run.state for run in runs} <= {State.SUCCEEDED, State.CANCELLED, State.SKIPPED}
    fired = [(run.task_id, run.fire_time) for run in runs if run.fire_time is not None]
    assert len(fired) == len(set(fired))
    manager.shutdown()


if __name__ == "__main__":
    main()
