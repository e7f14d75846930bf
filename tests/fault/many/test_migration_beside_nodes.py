"""A node of this release goes on while the next one brings the ledger to its own revision."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from rota.core.lifecycle import Settlement
from rota.core.outcome import OutcomeKind
from rota.core.ports.records import AttemptEnd, Edits, Orphan, RunFilter
from rota.core.reasons.run_reason import RunReason
from rota.core.run import ACTIVE, Attempt, State
from rota.core.time import DAY
from rota.errors import LedgerNewerError
from rota.ledger import migrations
from rota.ledger.schema.tables import REVISION
from tests.conformance.ledger.conftest import shared_url as shared_url
from tests.conformance.ledger.conftest import sqlite as sqlite
from tests.conformance.ledger.desk import Desk, line, record, until
from tests.postgres import postgres as postgres
from tests.postgres import postgres_ledger as postgres_ledger

STEP = f'''
"""What a later release may add: a table, columns, an index."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{REVISION}"


def upgrade():
    op.create_table("more", sa.Column("id", sa.Text, primary_key=True), sa.Column("x", sa.Text))
    for table in ("runs", "tasks", "nodes", "attempts", "logs"):
        op.add_column(table, sa.Column("note", sa.Text))
        op.add_column(table, sa.Column("weight", sa.Integer, server_default="1", nullable=False))
    op.create_index("runs_by_weight", "runs", ["weight"])
'''

NEXT_RELEASE = """
import sys
from alembic.config import Config
from rota.runtime.system_clock import SystemClock
from rota.ledger import migrations, open_ledger
from rota.ledger.postgres import schema as postgres_schema
from rota.ledger.sqlite import database as sqlite

def config():
    config = Config()
    config.set_main_option("script_location", sys.argv[1])
    return config

migrations._config = config
sqlite.REVISION = postgres_schema.REVISION = "9999"
ledger = open_ledger(sys.argv[2], clock=SystemClock())
ledger.open()
ledger.close()
"""


def migrate(url: str, scratch: Path) -> None:
    """Have another process, of a release with one more step, open the ledger."""
    shutil.copytree(Path(migrations.__file__).parent, scratch)
    (scratch / "versions" / "v9999_more.py").write_text(STEP)
    done = subprocess.run(
        [sys.executable, "-c", NEXT_RELEASE, scratch, url],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr


def everything(desk: Desk, task_id: str) -> None:
    """Use each verb of a node."""
    desk.register(record(task_id))
    desk.do(lambda tx: tx.seen([task_id], desk.now))
    desk.do(lambda tx: tx.pause(task_id, desk.now, None, "why"))
    desk.do(lambda tx: tx.resume(task_id, desk.now))
    desk.do(lambda tx: tx.edit(task_id, Edits(name="other"), desk.now))
    node = desk.ids.new(desk.now)
    desk.join(node)
    desk.do(lambda tx: tx.heartbeat(node, desk.now, desk.now + DAY, {}))
    run = desk.ended(task_id, fire_time=desk.clock.move(0.001))
    failed = desk.ended(task_id, state=State.FAILED)
    orphan = desk.running(task_id, node=node)
    desk.do(lambda tx: tx.progress(orphan.run_id, orphan.fence, {"done": 1}))
    assert desk.do(lambda tx: tx.checkpoint(orphan.run_id, orphan.fence, [1]))
    desk.do(lambda tx: tx.log([line(orphan.run_id, 1)]))
    desk.do(lambda tx: tx.cancel(orphan.run_id, "enough", desk.now))
    assert desk.history.cancellations(node) == {orphan.run_id: "enough"}
    desk.do(lambda tx: tx.leave(node, "stopped", desk.now))
    desk.do(lambda tx: tx.reap(lambda one: lost(one, desk.now)))
    assert desk.run(orphan.run_id).state is State.LOST
    assert len(desk.history.attempts(failed.id)) == len(desk.history.attempts(run.id)) == 1
    assert len(desk.history.logs(orphan.run_id)) == 1
    assert desk.history.last_runs([task_id])[task_id].id == orphan.run_id
    assert len(desk.history.runs(RunFilter(task_id=task_id), limit=3).runs) == 3
    desk.history.counts(desk.now)
    assert desk.history.runs(RunFilter(task_id=task_id, states=ACTIVE)).runs == []
    assert desk.history.task(task_id).edits.name == "other"
    assert task_id in {task.record.id for task in desk.history.changed_tasks(0)}
    assert node in {one.id for one in desk.history.nodes()}
    desk.do(lambda tx: tx.prune(desk.now - DAY, 10))
    desk.do(lambda tx: tx.forget(desk.now - DAY, desk.now))
    desk.ledger.version()


def lost(orphan: Orphan, now: int) -> AttemptEnd:
    run = orphan.run
    attempt = Attempt(run.id, run.attempt, run.node or "", now, now, OutcomeKind.CRASHED)
    return AttemptEnd(attempt, run.fence, Settlement(State.LOST, RunReason(None, "gone"), 0, 1))


def revision(url: str) -> str:
    """Return what stands in the ledger."""
    parsed = make_url(url)
    schema = str(parsed.query.get("schema", ""))
    address = parsed.difference_update_query(["schema"])
    if schema:
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(address)
    table = f"{schema}.alembic_version" if schema else "alembic_version"
    with engine.connect() as connection:
        found = str(connection.exec_driver_sql(f"SELECT version_num FROM {table}").scalar_one())
    engine.dispose()
    return found


@pytest.mark.timeout(300)
def test_a_node_goes_on_through_an_additive_migration(shared_url: str, tmp_path: Path) -> None:
    with Desk(shared_url) as desk, Desk(shared_url) as busy:
        for _ in range(7):  # after five times a driver prepares a statement for good
            everything(desk, "before")
        stop, errors, rounds = threading.Event(), list[BaseException](), list[int]()

        def work() -> None:
            while not stop.is_set() and not errors:
                try:
                    everything(busy, "meanwhile")
                    rounds.append(1)
                except BaseException as error:
                    errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            migrate(shared_url, tmp_path / "next")
            after = len(rounds)
            until(lambda: len(rounds) >= after + 2 or bool(errors))
        finally:
            stop.set()
            thread.join()
        assert errors == []
        assert revision(shared_url) == "9999"
        for _ in range(7):
            everything(desk, "after")
    with pytest.raises(LedgerNewerError, match="9999"):
        Desk(shared_url).ledger.open()
