"""Damage of each kind is planted into a sound ledger, by SQL, and found."""

from __future__ import annotations

from pathlib import Path
from sqlite3 import Connection

import pytest

from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant
from rota.core.verification.findings import Code
from tests.conformance.ledger.desk import NOON
from tests.integration.verifying.sound import damaged, found, write

AT = NOON + 40 * MINUTE
"""An instant of every task but the cron one."""

PLANTED: dict[str, tuple[Code, str]] = {
    "a row deleted": (
        Code.HOLE,
        "DELETE FROM runs WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "many rows deleted": (
        Code.HOLE,
        "DELETE FROM runs WHERE task_id = 'cron' AND fire_time BETWEEN {at} AND {later}",
    ),
    "the last rows deleted": (
        Code.HOLE,
        "DELETE FROM runs WHERE task_id = 'tick' AND fire_time > {later}",
    ),
    "a row doubled": (
        Code.DOUBLE,
        "DROP INDEX one_run_per_occurrence;"
        "INSERT INTO runs SELECT replace(id, substr(id, 20), 'ZZZZZZZ') AS id, {others}"
        " FROM runs WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "a row moved": (
        Code.UNNAMED,
        "UPDATE runs SET fire_time = fire_time + 7000000 WHERE task_id = 'cron'"
        " AND fire_time > {at} AND fire_time < {at} + 300000001",
    ),
    "a start before its time": (
        Code.EARLY,
        "UPDATE runs SET started_at = fire_time - 3000000, attempt_started_at = fire_time - 3000000"
        " WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "an end without a start": (
        Code.UNSTARTED,
        "UPDATE runs SET started_at = NULL WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "a success without an attempt": (
        Code.UNSTARTED,
        "UPDATE runs SET attempt = 0, fence = 0, started_at = NULL"
        " WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "an end before its start": (
        Code.BACKWARDS,
        "UPDATE runs SET finished_at = started_at - 60000000"
        " WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "a success that goes on": (
        Code.IMPOSSIBLE,
        "UPDATE runs SET finished_at = NULL WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "a state that is none": (
        Code.IMPOSSIBLE,
        "UPDATE runs SET state = 'done' WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "a run of the schedule without an instant": (
        Code.IMPOSSIBLE,
        "UPDATE runs SET fire_time = NULL WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "a run that stands for several and ran": (
        Code.IMPOSSIBLE,
        "UPDATE runs SET count = 3 WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "a lease of a node that has stopped": (
        Code.LEASE,
        "UPDATE runs SET state = 'running', finished_at = NULL, node = 'b'"
        " WHERE task_id = 'tick' AND fire_time = {at};"
        "INSERT INTO nodes SELECT 'b', name, host, pid, version, slots, started_at, seen_at,"
        " lease_until, 'stopped', info FROM nodes",
    ),
    "a lease of a node that never was": (
        Code.LEASE,
        "UPDATE runs SET state = 'running', finished_at = NULL, node = 'ghost'"
        " WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "two that should be alone": (
        Code.DOUBLE,
        "UPDATE runs SET state = 'running', finished_at = NULL, exclusive = 1"
        " WHERE task_id = 'tick' AND fire_time IN ({at}, {later})",
    ),
    "a fence that was replaced": (
        Code.FENCE,
        "UPDATE runs SET fence = 9 WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "a cursor in the time to come": (
        Code.CURSOR,
        "UPDATE tasks SET planned_until = planned_until + 86400000000 WHERE id = 'cron'",
    ),
    "a pause left behind": (
        Code.PAUSE,
        "UPDATE tasks SET paused_since = {later} WHERE id = 'paused'",
    ),
    "a pause that nobody set": (
        Code.PAUSE,
        "UPDATE tasks SET paused_since = {at}, paused_until = {at} + 1 WHERE id = 'tick'",
    ),
    "a count that is too large": (
        Code.OVERLAP,
        "UPDATE runs SET count = 95 WHERE task_id = 'down' AND count > 1",
    ),
    "a count that is too small": (
        Code.HOLE,
        "UPDATE runs SET count = 80 WHERE task_id = 'down' AND count > 1",
    ),
    "an attempt deleted": (
        Code.ATTEMPTS,
        "DELETE FROM attempts WHERE number = 1 AND run_id IN"
        " (SELECT id FROM runs WHERE task_id = 'bad' AND fire_time = {at})",
    ),
    "an attempt that was never made": (
        Code.ATTEMPTS,
        "INSERT INTO attempts SELECT id, 1, 'a', started_at, finished_at, 'failed', NULL, NULL,"
        " NULL FROM runs WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "a gap in the numbers of attempts": (
        Code.ATTEMPTS,
        "UPDATE attempts SET number = 7 WHERE number = 2 AND run_id IN"
        " (SELECT id FROM runs WHERE task_id = 'bad' AND fire_time = {at})",
    ),
    "a counter of attempts that is too high": (
        Code.ATTEMPTS,
        "UPDATE runs SET attempt = 2, fence = 2 WHERE task_id = 'tick' AND fire_time = {at}",
    ),
    "a run gone whose attempts are there": (
        Code.STRAY,
        "DELETE FROM runs WHERE task_id = 'bad' AND fire_time = {at}",
    ),
    "lines of a run that is gone": (
        Code.STRAY,
        "UPDATE logs SET run_id = substr(run_id, 1, 20) || 'ZZZZZZ' WHERE run_id IN"
        " (SELECT id FROM runs WHERE task_id = 'tick' AND fire_time = {at})",
    ),
    "a run of a task that never was": (
        Code.UNKNOWN,
        "UPDATE runs SET task_id = 'ghost' WHERE task_id = 'tick' AND fire_time = {at}",
    ),
}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Instant]:
    """A sound ledger, and when it ends."""
    path = tmp_path_factory.mktemp("sound") / "rota.db"
    return path, write(path)


def plant(connection: Connection, sql: str) -> None:
    columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
    others = ", ".join(f'"{name}"' for name in columns if name != "id")
    for statement in sql.format(at=AT, later=NOON + HOUR + MINUTE, others=others).split(";"):
        assert connection.execute(statement).rowcount, statement


def test_a_sound_ledger_has_nothing_against_it(copy: tuple[Path, Instant]) -> None:
    path, now = copy
    assert found(path, now) == []
    assert found(path, now, edge=0) == []


@pytest.mark.parametrize("name", PLANTED)
def test_what_was_planted_is_found(name: str, copy: tuple[Path, Instant]) -> None:
    path, now = copy
    code, sql = PLANTED[name]
    with damaged(path) as connection:
        plant(connection, sql)
    codes = {finding.code for finding in found(path, now)}
    assert code in codes, f"{name}: {codes}"


def test_a_hole_names_its_task_its_instants_and_their_number(copy: tuple[Path, Instant]) -> None:
    path, now = copy
    with damaged(path) as connection:
        plant(connection, PLANTED["many rows deleted"][1])
    (hole,) = [finding for finding in found(path, now) if finding.code is Code.HOLE]
    assert (hole.code, hole.task_id, hole.count) == (Code.HOLE, "cron", 5)
    assert hole.at is not None and hole.last is not None
    assert hole.last - hole.at == 4 * 5 * MINUTE
    assert "5 occurrences from" in hole.text
    assert hole.remedy


def test_a_task_that_falls_silent_while_a_node_is_up_has_holes(copy: tuple[Path, Instant]) -> None:
    path, now = copy
    with damaged(path) as connection:
        connection.execute(f"UPDATE nodes SET seen_at = {now + HOUR}, lease_until = {now + DAY}")
    silent = {finding.task_id: finding.count for finding in found(path, now + HOUR)}
    assert silent == {"tick": 59, "bad": 59, "paused": 59, "down": 59, "cron": 11}


def test_occurrences_of_a_downtime_are_no_holes(copy: tuple[Path, Instant]) -> None:
    path, now = copy
    assert found(path, now + 20 * HOUR) == []


def test_rows_that_were_pruned_are_no_holes(copy: tuple[Path, Instant]) -> None:
    path, now = copy
    with damaged(path) as connection:
        connection.execute(f"DELETE FROM runs WHERE finished_at < {AT}")
        connection.execute("DELETE FROM attempts WHERE run_id NOT IN (SELECT id FROM runs)")
        connection.execute("DELETE FROM logs WHERE run_id NOT IN (SELECT id FROM runs)")
        connection.execute("INSERT INTO marks VALUES ('pruned', ?, NULL, NULL)", (AT,))
    assert found(path, now) == []


def test_where_a_clock_was_ahead_its_times_say_nothing(copy: tuple[Path, Instant]) -> None:
    path, now = copy
    with damaged(path) as connection:
        plant(connection, PLANTED["an end before its start"][1])
        plant(connection, PLANTED["a start before its time"][1])
        span = (AT - MINUTE, AT + MINUTE + SECOND)
        connection.execute("INSERT INTO marks VALUES ('rewound 1', ?, ?, NULL)", span)
    assert found(path, now) == []
