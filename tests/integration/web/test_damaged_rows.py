"""One damaged row ends nothing: each column of each table is damaged in turn, in a ledger in which
something of everything stands; then a node starts on it, and every page and list is asked for."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Column, Table

import rota
from rota import web
from rota.core.access import Right
from rota.core.ports.ledger import Transaction
from rota.core.ports.records import VerificationMark
from rota.core.reasons import ReasonCode
from rota.core.role import Role
from rota.core.run import State
from rota.core.time import DAY
from rota.ledger.schema import metadata
from rota.ledger.sql.soundness import found
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness, eventually

WRONG: dict[str, list[object]] = {
    "JSON": [
        "{not json",
        '"text"',
        "[1]",
        "[" * 100_000,
        '{"a": NaN, "x": "\\ud800"}',
        '{"at": 1e999}',
        b"\xff\x00",
    ],
    "TEXT": ["no such word", b"\xff\xfe", 17, ""],
    "BIGINT": ["soon", 10**18, math.inf, -(10**18), -5, 2.5, b"\x00"],
    "INTEGER": ["many", -1, math.inf, 2**62, 2.5],
    "BOOLEAN": [7, "perhaps"],
}
JSON = {
    "trigger_args", "policy", "edits", "skipped", "arguments", "result", "progress", "checkpoint",
    "value", "info", "before", "after",
}  # fmt: skip
KEYS = {
    "tasks", "runs", "attempts", "logs", "steps", "nodes", "audit", "tokens", "limits", "rules",
    "marks", "sessions",
}  # fmt: skip
"""The tables of which rows are read; `keys` is one secret, which is either right or not."""

COLUMNS = [
    (table, column)
    for table in metadata.sorted_tables
    for column in table.columns
    if table.name in KEYS and column.name not in ("id", "run_id")
]


async def work(number: int = 0) -> dict[str, int]:
    """Do a bit of everything."""
    run = rota.current_run()
    run.progress(1, 2, "half")
    run.logger.info("number %d", number)
    rota.once(f"step-{number}", lambda: {"number": number})
    if number == 13:
        raise ValueError("unlucky")
    if number == 7:
        run.checkpoint({"at": 7})
        await asyncio.sleep(60)
    return {"number": number}


async def limited() -> None:
    """Keep to a rate."""


def register(harness: Harness) -> None:
    manager = harness.manager
    manager.add_task(work, "interval", "work", hours=1000, overlap="allow", max_retries=0)
    manager.add_task(work, "cron", "daily", hour=9, timezone="Europe/Berlin")
    manager.add_task(limited, "interval", "limited", hours=1000, rate="100/s")


@dataclass
class Populated:
    """A ledger in which something of everything stands, and what is asked for."""

    file: Path
    paths: list[str]


def remember(tx: Transaction) -> None:
    """Set marks as a pruned ledger has them whose clock was once set back."""
    now = SystemClock().now()
    for name in ("verified", "pruned", "rewound 1"):
        tx.mark(VerificationMark(name, now - DAY, now - DAY, None))


@pytest.fixture(scope="module")
def populated(tmp_path_factory: pytest.TempPathFactory) -> Populated:
    home = tmp_path_factory.mktemp("populated")
    harness = Harness(home, SystemClock())
    register(harness)
    manager = harness.manager
    manager.add_task(work, "interval", "gone", hours=1)  # no code defines it later
    manager.start()
    ids = manager.run_many("work", [{"number": number} for number in (*range(6), 13, 13)])
    manager.run_task("limited")
    manager.edit_task("daily", name="Every day", reason="nicer")
    manager.pause_task("gone", reason="a while")
    manager.skip_next("daily")
    manager.edit_task("daily", trigger_args={"hour": 10}, reason="later")  # a rule that was
    manager.create_token("ci", Right.ADMIN)
    [token] = manager.history.tokens()
    for _ in range(3):
        manager.begin_session(token, 3600)
    manager.services.ledger.write(remember).result()
    [long] = manager.run_many("work", [{"number": 7}])
    eventually(lambda: all(manager.get_run(id).state is not State.QUEUED for id in (*ids, long)))
    eventually(lambda: all(manager.get_run(id).finished_at for id in ids))
    manager.shutdown(grace=0)
    waiting = Harness(home, SystemClock())  # one that has not begun yet
    register(waiting)
    waiting.manager.start(role=Role.SCHEDULER)
    waiting.manager.run_many("work", [{"number": 3}])
    waiting.manager.shutdown(grace=0)
    file = home / "rota.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            database.execute(f"DROP TRIGGER {name}")
        database.execute("PRAGMA writable_schema = ON")
        for name, text in database.execute("SELECT name, sql FROM sqlite_master").fetchall():
            if text is not None:
                nullable = re.sub("(?<!IS) NOT NULL", "", text)
                database.execute(
                    "UPDATE sqlite_master SET sql = ? WHERE name = ?", (nullable, name)
                )
    runs = [*ids[-2:], long]
    paths = [
        "/", "/audit", "/calendar", "/calendar.ics", "/failures", "/health", "/metrics", "/nodes",
        "/settings", "/tasks", "/timeline", "/manager/audit", "/manager/nodes", "/manager/runs",
        "/manager/occurrences/next", "/manager/occurrences/past", "/manager/tasks",
        *(f"/tasks/{id}" for id in ("work", "daily", "gone")),
        *(f"/manager/tasks/{id}" for id in ("work", "daily", "gone")),
        *(f"/runs/{id}" for id in runs),
        *(f"/manager/runs/{id}" for id in runs),
        *(f"/manager/runs/{id}/logs" for id in runs),
    ]  # fmt: skip
    return Populated(file, paths)


def damage(file: Path, table: Table, column: Column[Any]) -> int:
    """Give each row of a table another wrong value in one column, as far as both go; returns how
    many rows were damaged."""
    kind = "JSON" if column.name in JSON else str(column.type).split()[0].upper()
    wrong: list[object] = [*WRONG[kind]]
    wrong += [] if column.nullable else [None]
    damaged = 0
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        key = [one.name for one in table.primary_key.columns]
        names = ", ".join(f'"{name}"' for name in key)
        where = " AND ".join(f'"{name}" IS ?' for name in key)
        rows = database.execute(f"SELECT {names} FROM {table.name} ORDER BY {names}").fetchall()
        assert rows, table.name
        for row, value in zip(rows[::-1], wrong, strict=False):
            try:
                database.execute(
                    f'UPDATE {table.name} SET "{column.name}" = ? WHERE {where}', (value, *row)
                )
            except sqlite3.IntegrityError:  # the key itself, or one that is there already
                continue
            damaged += 1
    return damaged


class Asking:
    """Asks the application itself, as from this machine."""

    def __init__(self, harness: Harness, secret: str) -> None:
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(
            web.application(harness.manager), raise_app_exceptions=False, client=("127.0.0.1", 5)
        )
        headers = {"Authorization": f"Bearer {secret}"}
        self._client = httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        )

    def __enter__(self) -> Asking:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def get(self, path: str, kind: str = "*/*") -> httpx.Response:
        return self._runner.run(self._client.get(path, headers={"Accept": kind}))


@pytest.mark.parametrize(
    ("table", "column"), COLUMNS, ids=[f"{table.name}.{column.name}" for table, column in COLUMNS]
)
def test_a_damaged_column_stops_nothing_else(
    populated: Populated, tmp_path: Path, table: Table, column: Column[Any]
) -> None:
    file = tmp_path / "rota.db"
    shutil.copy(populated.file, file)
    damaged = damage(file, table, column)
    harness = Harness(tmp_path, SystemClock(), lease_seconds=1)
    manager = harness.manager
    register(harness)
    with harness, Asking(harness, manager.create_token("whole", Right.ADMIN).secret) as asking:
        [run_id] = manager.run_many("work", [{"number": 1}])
        eventually(lambda: manager.get_run(run_id).state is State.SUCCEEDED)
        for path in populated.paths:  # of which each answers in one form only
            answer = asking.get(path, "*/*" if path.startswith("/manager") else "text/html")
            assert answer.status_code < 500, (path, answer.text)
            if path in ("/", "/tasks", "/manager/tasks", "/manager/runs", "/health"):
                assert answer.status_code == 200, (path, answer.text)
        report = asking.get("/health").json()
        assert report["status"] in ("healthy", "degraded")
        places = {(one["table"], one["column"]) for one in report["damaged_rows"]}
        assert places <= {(table.name, column.name)} or table.name == "runs"
        list(manager.verify())
        searched = manager.history.damages(search=True)
        assert damaged == 0 or not _is_told(table, column) or searched
        [again] = manager.run_many("work", [{"number": 2}])
        eventually(lambda: manager.get_run(again).state is State.SUCCEEDED)


def _is_told(table: Table, column: Column[Any]) -> bool:
    """Say whether what is wrong there can be told: any text is a name, and any word a reason."""
    if table.name in ("limits", "rules", "marks", "sessions") or column.name in (
        "checkpoint",
        "priority",
        "published_at",
    ):
        return False  # not shown, or gone with its run
    if column.name in ("policy", "trigger_args", "line", "enabled", "rule_revision"):
        return False  # written anew, as the code says it
    words = ("state", "cause", "outcome", "face", "verb", "right")
    return column.name in (*JSON, *words) or not str(column.type).startswith("TEXT")


def one_row(file: Path, table: str, column: str, value: object, where: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        database.execute(f'UPDATE {table} SET "{column}" = ? WHERE {where}', (value,))


def damaged_waiting_run(populated: Populated, file: Path, column: str, value: object) -> str:
    """Copy the ledger to `file`, damage a waiting run in it, and return the run's id."""
    shutil.copy(populated.file, file)
    with closing(sqlite3.connect(file)) as database:
        is_waiting = "state = 'queued' AND arguments LIKE '%3%'"
        [run_id] = database.execute(f"SELECT id FROM runs WHERE {is_waiting}").fetchone()
    one_row(file, "runs", column, value, f"id = '{run_id}'")
    return str(run_id)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("arguments", "{not json"),
        ("arguments", "[1, 2]"),
        ("arguments", b"\xff"),
        ("checkpoint", "{"),
        ("fire_time", 10**18),
        ("fire_time", -(10**18)),
        ("failures", "many"),
        ("finished_at", 5),
    ],
)
def test_a_damaged_run_that_is_to_be_started_has_failed(
    populated: Populated, tmp_path: Path, column: str, value: object
) -> None:
    run_id = damaged_waiting_run(populated, tmp_path / "rota.db", column, value)
    harness = Harness(tmp_path, SystemClock(), lease_seconds=1)
    register(harness)
    with harness:
        manager = harness.manager
        eventually(lambda: manager.get_run(run_id).state is State.FAILED)
        run = manager.get_run(run_id)
        assert run.reason_code is ReasonCode.UNSTARTABLE
        assert f"column {column}" in run.reason
        others = manager.run_many("work", [{"number": 1}] * 5)
        eventually(lambda: {manager.get_run(id).state for id in others} == {State.SUCCEEDED})


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("available_at", "soon"),
        ("available_at", 10**18),
        ("available_at", math.inf),
        ("available_at", None),
        ("priority", None),
        ("priority", b"high"),
    ],
)
def test_a_run_that_can_never_start_is_named_and_the_others_run(
    populated: Populated, tmp_path: Path, column: str, value: object
) -> None:
    run_id = damaged_waiting_run(populated, tmp_path / "rota.db", column, value)
    harness = Harness(tmp_path, SystemClock(), lease_seconds=1)
    register(harness)
    with harness:
        manager = harness.manager
        others = manager.run_many("work", [{"number": 1}] * 5)
        eventually(lambda: {manager.get_run(id).state for id in others} == {State.SUCCEEDED})
        assert manager.get_run(run_id).state is State.QUEUED
        assert [one.text for one in manager.verify() if one.run_id == run_id] == [
            f"It waits and never starts: its {column} is no valid number. Cancel it."
        ]
        named = [one.column for one in manager.history.damages(search=True) if one.key == run_id]
        assert named == [column]
        manager.cancel_run(run_id)
        assert manager.get_run(run_id).state is State.CANCELLED
        assert all(one.run_id != run_id for one in manager.verify())


def test_damage_is_logged_once_and_in_the_health_until_it_is_repaired(
    populated: Populated, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "rota.db"
    shutil.copy(populated.file, file)
    one_row(file, "runs", "result", "{half", "state = 'succeeded' AND task_id = 'limited'")
    harness = Harness(tmp_path, SystemClock())
    register(harness)
    found._damages.clear()  # of the tests before, on copies of the same ledger
    with harness, caplog.at_level(logging.ERROR, "rota.ledger"):
        manager = harness.manager
        for _ in range(3):
            [run] = [run for run in harness.runs("limited") if run.result is not None]
        assert run.result == "(damaged: 5 characters)"
        said = [record.message for record in caplog.records if run.id in record.message]
        assert len(said) == 1
        assert "column result of runs" in said[0]
        report = manager.health()
        assert report["status"] == "degraded"
        assert [one["key"] for one in report["damaged_rows"]] == [run.id]
        one_row(file, "runs", "result", "null", f"id = '{run.id}'")
        assert manager.health()["damaged_rows"] == []
