"""With `catchup="all"`, what comes while others are caught up follows them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rota.core.reasons import ReasonCode
from rota.core.run import State
from rota.testing import FakeClock, Harness, eventually


@pytest.mark.parametrize("overlap", ["skip", "queue", "replace"])
@pytest.mark.parametrize("late", [0, 30])
def test_the_current_occurrence_follows_what_is_caught_up(
    tmp_path: Path, overlap: str, late: int
) -> None:
    clock, gate, order = FakeClock(), threading.Event(), []

    def work() -> None:
        gate.wait(30)
        order.append(1)

    def add(rig: Harness) -> None:
        rig.manager.add_task(work, "cron", "t", minute="*", catchup="all", overlap=overlap)

    with Harness(tmp_path, clock) as rig:
        add(rig)
    clock.advance(300 + late)  # where nothing is late, the last one is on time
    with Harness(tmp_path, clock) as rig:
        add(rig)
        eventually(lambda: len(rig.runs("t")) == 5)
        rig.advance(60 - late)
        eventually(lambda: len(rig.runs("t")) == 6)
        codes = [run.reason_code for run in rig.runs("t")]
        caught_up = [ReasonCode.CAUGHT_UP] * (4 if late == 0 else 5)
        assert codes[: len(caught_up)] == caught_up
        gate.set()
        runs = rig.ended("t", 6)
        assert [run.state for run in runs] == [State.SUCCEEDED] * 6
        starts = [run.started_at or 0 for run in runs]
        assert starts == sorted(starts)
        rig.advance(60)
        assert rig.ended("t", 7)[-1].state is State.SUCCEEDED
