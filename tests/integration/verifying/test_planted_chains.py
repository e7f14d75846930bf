"""Damage is planted into the rows of tasks that run after others, by SQL, and found."""

from __future__ import annotations

from pathlib import Path

import pytest

from rota.core.ports.records import Edits
from rota.core.run import Cause, State
from rota.core.time import DAY, MINUTE, Instant
from rota.core.verification.findings import Code, Finding
from rota.engine.upkeep import verifying_chains
from tests.conformance.ledger.desk import NOON, Desk, record
from tests.integration.verifying.sound import damaged, found, interval

AT = NOON + 10 * MINUTE
LATER = Edits(trigger_args={"tasks": ["other"]})
OF_A_MANUAL_RUN = "task_id = 'load' AND fire_time IS NULL AND upstream IS NOT NULL"


def after(task_id: str, *tasks: str, **args: object) -> object:
    given = {"tasks": list(tasks), **args}
    return record(task_id, trigger="after", trigger_args=given, timezone="UTC")


def write(path: Path) -> Instant:
    """Write chains in which everything is as it should be; returns when they end."""
    with Desk(f"sqlite:///{path}") as desk:
        desk.join("a", lease=DAY)
        desk.register(
            interval("extract", 60),
            interval("other", 60),
            after("load", "extract"),  # type: ignore[arg-type]
            after("both", "extract", "other", on="end"),  # type: ignore[arg-type]
            after("alert", "extract", on="failure"),  # type: ignore[arg-type]
            after("last", "load", on="end"),  # type: ignore[arg-type]
        )
        for number in range(1, 31):
            now = desk.clock.move(60)
            state = State.FAILED if number % 7 == 0 else State.SUCCEEDED
            for task_id in ("extract", "other"):
                desk.ended(task_id, state, fire_time=now)
                desk.plan(planned_until={task_id: now})
            for task_id in ("load", "both", "alert"):
                for run in [one for one in desk.active() if one.task_id == task_id]:
                    (claim,) = desk.claim(of_tasks={task_id}, limit=1)
                    assert claim.run_id == run.id
                    desk.settle(desk.ending(claim, State.SUCCEEDED))
            if number == 20:
                desk.ended("extract", fire_time=None, cause=Cause.MANUAL)
            if number == 25:
                desk.clock.move(6)
                desk.do(lambda tx: tx.edit("alert", LATER, desk.now))
                desk.clock.move(-6)
        desk.do(lambda tx: tx.heartbeat("a", desk.now, desk.now + DAY, {}))
        return desk.now


PLANTED: dict[str, tuple[Code, str, str]] = {
    "a row deleted": (
        Code.HOLE,
        "load",
        "DELETE FROM runs WHERE task_id = 'load' AND fire_time = {at}",
    ),
    "a row of several upstream tasks deleted": (
        Code.HOLE,
        "both",
        "DELETE FROM runs WHERE task_id = 'both' AND fire_time = {at}",
    ),
    "a row after a failure deleted": (
        Code.HOLE,
        "alert",
        "DELETE FROM runs WHERE task_id = 'alert' AND fire_time = {at} - 180000000",
    ),
    "a row after a row that was skipped deleted": (
        Code.HOLE,
        "last",
        "DELETE FROM runs WHERE task_id = 'last' AND fire_time = {at} - 180000000",
    ),
    "a row after a manual run deleted": (
        Code.HOLE,
        "load",
        f"DELETE FROM runs WHERE {OF_A_MANUAL_RUN}",
    ),
    "a row after a manual run doubled": (
        Code.DOUBLE,
        "load",
        "INSERT INTO runs SELECT replace(id, substr(id, 20), 'ZZZZZZZ') AS id, {others}"
        f" FROM runs WHERE {OF_A_MANUAL_RUN}",
    ),
    "a row whose upstream run is gone": (
        Code.UNNAMED,
        "load",
        'UPDATE runs SET upstream = \'{{"extract":"01KGE3H9005CNTN25WCQW3Y4JT"}}\''
        " WHERE task_id = 'load' AND fire_time = {at}",
    ),
    "a row that no upstream run named": (
        Code.UNNAMED,
        "load",
        "UPDATE runs SET upstream = NULL WHERE task_id = 'load' AND fire_time = {at}",
    ),
    "a row moved": (
        Code.UNNAMED,
        "load",
        "UPDATE runs SET fire_time = fire_time + 7000000"
        " WHERE task_id = 'load' AND fire_time = {at}",
    ),
}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Instant]:
    """A sound ledger, and when it ends."""
    path = tmp_path_factory.mktemp("sound") / "rota.db"
    return path, write(path)


def plant(path: Path, sql: str) -> None:
    with damaged(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
        others = ", ".join(f'"{name}"' for name in columns if name != "id")
        connection.execute("DROP INDEX IF EXISTS one_run_per_upstream_run")
        assert connection.execute(sql.format(at=AT, others=others)).rowcount == 1
        connection.execute("DELETE FROM attempts WHERE run_id NOT IN (SELECT id FROM runs)")


def about(findings: list[Finding], task_id: str) -> set[Code]:
    return {one.code for one in findings if one.task_id == task_id}


def test_chains_that_are_sound_have_nothing_against_them(copy: tuple[Path, Instant]) -> None:
    path, now = copy
    assert found(path, now) == []


def test_a_page_of_few_rows_finds_no_more(
    copy: tuple[Path, Instant], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, now = copy
    monkeypatch.setattr(verifying_chains, "ROWS", 3)
    assert found(path, now) == []
    plant(path, PLANTED["a row deleted"][2])
    assert Code.HOLE in about(found(path, now), "load")


@pytest.mark.parametrize("name", PLANTED)
def test_what_was_planted_in_a_chain_is_found(name: str, copy: tuple[Path, Instant]) -> None:
    path, now = copy
    code, task_id, sql = PLANTED[name]
    plant(path, sql)
    codes = about(found(path, now), task_id)
    assert code in codes, f"{name}: {codes}"


def test_a_hole_of_a_chain_names_its_task_its_instant_and_the_upstream_run(
    copy: tuple[Path, Instant],
) -> None:
    path, now = copy
    plant(path, PLANTED["a row deleted"][2])
    (hole,) = [one for one in found(path, now) if one.code is Code.HOLE]
    assert (hole.task_id, hole.at, hole.last, hole.count) == ("load", AT, AT, 1)
    assert "of extract has ended" in hole.text


def test_what_was_pruned_of_a_chain_is_no_finding(copy: tuple[Path, Instant]) -> None:
    path, now = copy
    with damaged(path) as connection:
        connection.execute(f"DELETE FROM runs WHERE finished_at < {AT}")
        connection.execute("DELETE FROM attempts WHERE run_id NOT IN (SELECT id FROM runs)")
        connection.execute("INSERT INTO marks VALUES ('pruned', ?, NULL, NULL)", (AT,))
    assert found(path, now) == []
