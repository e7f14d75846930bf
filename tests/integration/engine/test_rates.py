"""Every occurrence has its row, however fast they come and however long a run takes."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from rota import triggers
from rota.core.reasons import ReasonCode
from rota.core.run import Run, State
from rota.core.time import DAY, SECOND
from rota.runtime.system_clock import SystemClock
from rota.testing import FakeClock, Harness, eventually
from rota.web.pages.parts.figures import lateness

ENOUGH = 60


def body() -> None:
    threading.Event().wait(0.11)


def planned(rig: Harness) -> list[Run]:
    """Wait for enough occurrences, end the planning and return what has a row up to its cursor."""
    eventually(lambda: len(rig.runs("fast")) >= ENOUGH)
    rig.manager.shutdown(grace=2)
    until = rig.manager.history.task("fast").planned_until
    runs = [run for run in rig.runs("fast") if (run.fire_time or until) <= until]
    rig.manager.shutdown()  # which closes the ledger again
    return runs


@pytest.mark.parametrize("overlap", ["skip", "queue", "replace", "allow"])
@pytest.mark.parametrize("period", [0.003, 0.02, 0.045])
def test_no_occurrence_is_without_a_row(tmp_path: Path, overlap: str, period: float) -> None:
    rig = Harness(tmp_path, SystemClock())
    rig.manager.add_task(body, "interval", "fast", seconds=period, overlap=overlap)
    rig.manager.start()
    entry = rig.manager.services.engine.registry.get("fast")
    assert entry is not None
    runs = planned(rig)
    times = sorted(run.fire_time or 0 for run in runs)
    named = triggers.count_between(entry.trigger, times[0] - 1, times[-1])
    assert (sum(run.count for run in runs), len(set(times))) == (named, named)
    assert ReasonCode.DOWNTIME not in {run.reason_code for run in runs}


@pytest.mark.parametrize("overlap", ["skip", "queue", "replace", "allow"])
def test_a_jitter_longer_than_the_interval_loses_nothing(tmp_path: Path, overlap: str) -> None:
    async def work() -> None:
        pass

    with Harness(tmp_path) as rig:
        rig.manager.add_task(work, "interval", "slow", seconds=1, jitter=5, overlap=overlap)
        for passed in range(1, 41):
            rig.advance(1)
            eventually(lambda: len(rig.runs("slow")) >= passed)  # noqa: B023
        runs = rig.runs("slow")
        first = rig.clock.now() - 39 * SECOND
        assert [run.fire_time for run in runs] == [first + n * SECOND for n in range(40)]
        codes = Counter(run.reason_code for run in runs)
        # What is replaced was waiting, or running already.
        assert codes.keys() <= {None, "overlap", "queue_limit", "jitter", "replaced", "cancelled"}
        skipped = [run.reason for run in runs if run.state is State.SKIPPED]
        assert not any("retry" in reason or "downtime" in reason for reason in skipped)


def test_no_start_delay_reaches_beyond_the_end() -> None:
    end = "2024-01-01 00:01"
    rule = triggers.parse("interval", {"seconds": 7, "jitter": 600, "end_date": end}, anchor=1)
    assert rule.end is not None
    found = triggers.between(rule, rule.end - DAY, rule.end, 100_000)
    assert found
    for instant in found:
        assert 0 <= triggers.start_delay(rule, "task", instant) <= rule.end - instant


def test_the_reason_of_a_run_that_waits_for_its_jitter_says_so(tmp_path: Path) -> None:
    async def work() -> None:
        pass

    with Harness(tmp_path, FakeClock()) as rig:
        rig.manager.add_task(work, "interval", "late", seconds=10, jitter=3600)
        rig.advance(10)
        (run,) = eventually(lambda: rig.runs("late"))
        assert (run.state, run.reason_code) == (State.SCHEDULED, ReasonCode.JITTER)
        assert run.reason.endswith("s (jitter)")


def test_a_start_delay_is_no_lateness(tmp_path: Path) -> None:
    async def work() -> None:
        pass

    with Harness(tmp_path, FakeClock()) as rig:
        rig.manager.add_task(
            work, "interval", "late", seconds=86400, jitter=3600, start_deadline=30
        )
        rig.advance(86400)
        (waits,) = eventually(lambda: rig.runs("late"))
        delay = (waits.available_at - rig.clock.now()) / SECOND
        assert delay > 60, "the test needs another id"
        rig.advance(delay)
        (run,) = rig.ended("late")
        assert (run.state, lateness(run)) == (State.SUCCEEDED, 0)
        assert run.started_at == waits.available_at
