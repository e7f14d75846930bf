"""A bookshop with two weeks behind it: real tasks and a real ledger, a past written into it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from rota import web
from rota.core.audit import Face
from rota.core.ids import RunIds
from rota.core.lifecycle import Settlement
from rota.core.outcome import OutcomeKind
from rota.core.ports.ledger import Transaction
from rota.core.ports.records import AttemptEnd, NewRun
from rota.core.reasons.run_reason import NO_REASON, RunReason
from rota.core.run import Attempt, Cause, LogLine, State
from rota.core.task import Overlap
from rota.core.time import DAY, SECOND, Instant, to_datetime
from rota.manager import TaskManager
from rota.runtime.system_clock import SystemClock
from rota.task_api.actor import acting
from rota.testing import Harness
from rota.triggers import between
from rota.web.server import Server

TASKS = Path(__file__).parent / "demo"
PAST: Instant = 14 * DAY
QUIET: Instant = 300 * SECOND  # what would be younger could still be going on
BATCH = 500
MOST = 500


class Habit(NamedTuple):
    """How the runs of a task used to go: seconds in the median, and what went wrong how often."""

    seconds: float
    failed: float = 0.0
    error: str = ""
    skipped: float = 0.0


HABITS = {
    "import_orders": Habit(38.0, 0.01, "TimeoutError: the web shop did not answer within 30 s"),
    "charge_cards": Habit(
        1.9, 0.06, "CardDeclined: card ending in 0341 was declined: card expired"
    ),
    "sync_inventory": Habit(7.5, skipped=0.03),
    "send_newsletter": Habit(96.0),
    "nightly_backup": Habit(1260.0, 0.08, "OSError: [Errno 28] No space left on device"),
    "morning_report": Habit(12.0),
    "refresh_exchange_rates": Habit(0.4, 0.03, "ConnectionError: rates.example refused"),
    "rebuild_search_index": Habit(54.0),
    "expire_carts": Habit(0.2),
    "warm_cache": Habit(9.0, 0.3, "HTTPError: 503 Service Unavailable"),
    "remind_of_returns": Habit(21.0),
    "close_the_books": Habit(180.0),
}


@contextmanager
def shop(directory: Path) -> Iterator[tuple[TaskManager, Server]]:
    """Open the bookshop, with its past and its server."""
    shutil.copytree(TASKS, directory / "backgroundtask")
    with chdir(directory), _opened(directory) as manager, web.serve(manager, port=0) as server:
        manager.list_tasks()  # they are registered from here on
        write_past(manager)
        with acting(Face.PAGE, "mira"):
            manager.pause_task(
                "warm_cache",
                reason="the new proxy does that itself",
                until=to_datetime(manager.services.clock.now()) + timedelta(days=2),
            )
        with acting(Face.CLI, "jonas"):
            manager.skip_next("close_the_books", reason="the auditors close them")
            manager.edit_task("expire_carts", trigger_args={"minutes": 20}, reason="fewer mails")
        yield manager, server


def _opened(directory: Path) -> TaskManager:
    """Return its manager, whose ledger lies in the working directory."""
    harness = Harness(directory, SystemClock(), node="shop-1", ledger_url="sqlite:///rota.db")
    manager = harness.manager
    manager.config.app_name = "Lighthouse Books"
    manager.discover()
    assert not manager.file_errors, manager.file_errors
    return manager


def write_past(manager: TaskManager) -> None:
    """Write what would stand in the ledger, had the shop been open for two weeks."""
    dice, ids, now = random.Random(4242), RunIds(), manager.services.clock.now()
    node = manager.services.engine.identity.id
    due = sorted(
        (instant, task_id) for task_id in HABITS for instant in _past(manager, task_id, now)
    )
    due = [one for one in due if one[0] < now - QUIET]
    last = {task_id: instant for instant, task_id in due}
    writes = [
        _write(ids, dice, node, task_id, instant, HABITS[task_id], last[task_id] == instant)
        for instant, task_id in due
    ]
    for first in range(0, len(writes), BATCH):
        batch = writes[first : first + BATCH]

        def write(tx: Transaction, batch: list[Callable[[Transaction], object]] = batch) -> None:
            for one in batch:
                one(tx)

        manager.services.ledger.write(write).result()


def _past(manager: TaskManager, task_id: str, now: Instant) -> list[Instant]:
    """Return when a task was due lately, an interval as if it had always been counted."""
    entry = manager.services.engine.registry.get(task_id)
    assert entry is not None
    if entry.definition.trigger != "interval":
        return between(entry.trigger, now - PAST, now, MOST)
    first, second = between(entry.trigger, now, now + PAST, 2)
    return [first - back * (second - first) for back in range(MOST, 0, -1)]


def _write(
    ids: RunIds,
    dice: random.Random,
    node: str,
    task_id: str,
    due: Instant,
    habit: Habit,
    is_last: bool,
) -> Callable[[Transaction], object]:
    start = due + round(dice.lognormvariate(2.3, 0.8) * 1000)
    took = round(habit.seconds * dice.lognormvariate(0, 0.25) * SECOND)
    fails = dice.random() < habit.failed or (is_last and task_id == "refresh_exchange_rates")
    run = NewRun(
        id=ids.new(start),
        task_id=task_id,
        fire_time=due,
        cause=Cause.SCHEDULE,
        state=State.QUEUED,
        reason=NO_REASON,
        available_at=start,
        created_at=start,
        overlap=Overlap.ALLOW,
        claim=node,
    )
    if dice.random() < habit.skipped:
        why = "the run before was still running on node shop-1"
        skipped = run._replace(state=State.SKIPPED, reason=RunReason(None, why), claim=None)
        return lambda tx: tx.plan([skipped])
    kind = OutcomeKind.FAILED if fails else OutcomeKind.SUCCEEDED
    state = State.FAILED if fails else State.SUCCEEDED
    attempt = Attempt(
        run_id=run.id,
        number=1,
        node=node,
        started_at=start,
        finished_at=start + took,
        outcome=kind,
        error=habit.error if fails else None,
        peak_memory=round(dice.lognormvariate(3.9, 0.1) * (1 << 20)),
    )
    result = None if fails else {"orders": 120, "total": "3,707.90 EUR"}
    end = AttemptEnd(
        attempt,
        1,
        Settlement(
            state, RunReason(None, habit.error if fails else ""), int(fails), 0, result=result
        ),
    )
    lines = [
        LogLine(run.id, 1, seq, start + seq * took // 25, "INFO", task_id, f"part {seq} of 24 done")
        for seq in range(1, 25 if is_last else 1)
    ]

    def write(tx: Transaction) -> None:
        tx.plan([run])
        tx.log(lines)
        refused = tx.settle([end], node)
        assert not refused, refused

    return write
