"""A task that skips much fills no log."""

from __future__ import annotations

from rota.core.ports.records import PlannedRun
from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import RunReason
from rota.core.run import State
from rota.core.time import SECOND
from rota.engine.planning.skip_log import SkipLog


def skipped(task_id: str, state: State | None = State.SKIPPED) -> PlannedRun:
    return PlannedRun("1", task_id, state, RunReason(ReasonCode.STUCK, "it goes on"))


def log_into(lines: list[str]) -> SkipLog:
    return SkipLog(lambda text, *values: lines.append(text % values))


def test_the_first_drop_is_logged_and_then_one_count_a_minute() -> None:
    lines: list[str] = []
    log = log_into(lines)
    for tick in range(50 * 125):  # one each 20 ms, for a little over two minutes
        log.report([skipped("t")], 1_000 * SECOND + tick * SECOND // 50)
    assert lines == [
        "t skipped: it goes on",
        "t skipped: it goes on (and 2999 more since the last line)",
        "t skipped: it goes on (and 2999 more since the last line)",
    ]


def test_each_registered_task_is_published_and_running_ones_are_not() -> None:
    lines: list[str] = []
    log_into(lines).report(
        [skipped("a"), skipped("b"), skipped("c", State.QUEUED), skipped("a")], 0
    )
    assert lines == ["a skipped: it goes on", "b skipped: it goes on"]


def test_a_count_is_logged_at_the_end_of_its_minute() -> None:
    lines: list[str] = []
    log = log_into(lines)
    log.report([skipped("a"), skipped("a")], 1_000 * SECOND)
    log.report([skipped("b")], 1_061 * SECOND)
    assert lines[1:] == ["b skipped: it goes on", "a skipped: 1 more (stuck)"]
