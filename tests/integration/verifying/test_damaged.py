"""A damaged row among what is verified: the rest is verified all the same."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from rota.core.time import HOUR, SECOND
from rota.core.verification.findings import Code
from rota.diagnosis.verified import VERIFIED, merged, report_in
from tests.conformance.ledger.desk import NOON, Desk
from tests.integration.verifying.sound import HOURS, damaged, found, write

NOW = NOON + HOURS * HOUR
WRONG = ("soon", float("inf"), -(2**63), b"\xff", '["a"]')
REPORT = '{"at": 1, "node": "a", "more": 0, "found": [[%s, {"code": "hole", "task_id": "t", %s}]]}'
COLUMNS = {
    "rules": ("since", "until", "anchor", "planned_until", "paused_since", "trigger", "dst"),
    "tasks": ("anchor", "planned_until", "paused_since", "rule_since", "dst", "skipped"),
    "runs": ("fire_time", "count", "created_at", "started_at", "attempt", "fence", "state"),
    "marks": ("at", "until", "value"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "x.db"
    write(path)
    with damaged(path) as database:
        for name in ("pruned", "rewound 5", VERIFIED):
            database.execute("INSERT OR REPLACE INTO marks VALUES (?, 5, 9, NULL)", (name,))
    return path


@pytest.mark.parametrize("table", COLUMNS)
def test_the_rest_is_verified_beside_a_damaged_row(sound: Path, tmp_path: Path, table: str) -> None:
    path = tmp_path / "x.db"
    for column in COLUMNS[table]:
        for value in WRONG:
            shutil.copy(sound, path)
            with damaged(path) as database, suppress(sqlite3.IntegrityError):
                where = "WHERE id IN (SELECT id FROM runs LIMIT 1)" if table == "runs" else ""
                where = "WHERE id = 'bad'" if table == "tasks" else where
                database.execute(f"UPDATE {table} SET {column} = ? {where}", (value,))
                database.execute(
                    "DELETE FROM runs WHERE task_id = 'tick' AND fire_time = ?", (NOON + HOUR,)
                )
            holes = [one.at for one in found(path, NOW) if one.code is Code.HOLE]
            assert NOON + HOUR in holes or table == "marks", (column, value)
            with Desk(f"sqlite:///{path}") as desk:
                desk.do(lambda tx: tx.take_mark(VERIFIED, NOW, NOW + SECOND))


NUMBERS = ("attempt", "failures", "crashes", "count", "fence", "created_at", "available_at")
TIMES = ("fire_time", "started_at", "finished_at", "attempt_started_at")


@pytest.mark.parametrize("column", [*NUMBERS, *TIMES, "state", "cause"])
def test_a_damaged_value_of_a_run_is_one_that_cannot_be(
    sound: Path, tmp_path: Path, column: str
) -> None:
    path = tmp_path / "x.db"
    values = [*WRONG, 1.5] if column in (*NUMBERS, *TIMES) else [*WRONG[:1], b"\xff", 7]
    for value in [*values, *([] if column in TIMES else [None])]:
        shutil.copy(sound, path)
        with damaged(path) as database:
            database.execute("PRAGMA writable_schema = ON")
            schema = "UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL,', ',')"
            database.execute(f"{schema} WHERE name = 'runs'")
        with damaged(path) as database:
            [run_id] = database.execute("SELECT id FROM runs WHERE task_id = 'cron'").fetchone()
            database.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, run_id))
        wrong = [one.code for one in found(path, NOW) if one.run_id == run_id]
        assert Code.IMPOSSIBLE in wrong, (column, value)


@pytest.mark.parametrize(
    "value", [REPORT % ('"a"', '"text": "x"'), REPORT % ("1", '"text": "x", "at": "z"')]
)
def test_a_damaged_report_is_none(sound: Path, tmp_path: Path, value: str) -> None:
    path = tmp_path / "x.db"
    shutil.copy(sound, path)
    with damaged(path) as database:
        database.execute("UPDATE marks SET value = ? WHERE name = ?", (value, VERIFIED))
    with Desk(f"sqlite:///{path}") as desk:
        before = report_in(desk.history.evidence.marks())
    assert before is None
    assert merged(before, "a", NOW, NOON, []).findings == []
