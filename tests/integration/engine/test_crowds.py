"""Many tasks at once: written before their instant, started at it, each in its turn."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path

from rota.core.run import State
from rota.core.time import SECOND, to_datetime
from rota.core.trigger import LEAD
from rota.scheduling import LONGEST_LEAD, DueTask
from rota.scheduling.heap_store import CROWD, EACH_MORE
from rota.testing import FakeClock, Harness, eventually

MORE = 300
EARLY = LEAD + MORE * EACH_MORE


async def nothing() -> None:
    pass


def test_a_crowd_is_written_before_its_instant_and_none_of_it_starts_early(tmp_path: Path) -> None:
    crowd = Harness(tmp_path, FakeClock())
    engine, instant = crowd.manager.services.engine, crowd.clock.now() + 60 * SECOND
    for n in range(CROWD + MORE):
        crowd.manager.add_task(nothing, "date", f"t{n}", run_date=to_datetime(instant))
    with crowd as rig:
        rig.advance(60 - EARLY / SECOND)
        eventually(lambda: len(rig.runs()) == MORE)
        assert {run.state for run in rig.runs()} == {State.QUEUED}
        assert not any(engine.in_flight.used.values()), "they take no slot from others till then"

        rig.advance(EARLY / SECOND)
        runs = rig.ended(count=CROWD + MORE)
        assert len({run.task_id for run in runs}) == CROWD + MORE == len(runs)
        assert {(run.fire_time, run.state) for run in runs} == {(instant, State.SUCCEEDED)}
        assert {run.started_at for run in runs} == {instant}


def test_what_is_handed_over_before_the_clock_is_set_back_is_planned_when_it_comes(
    tmp_path: Path,
) -> None:
    with Harness(tmp_path, FakeClock()) as rig:
        planner = rig.manager.services.engine.planner
        instant = rig.clock.now() + LONGEST_LEAD + SECOND // 10
        run_date = to_datetime(instant)
        rig.manager.add_task(nothing, "date", "once", run_date=run_date)
        rig.manager.add_task(nothing, "date", "later", run_date=run_date + timedelta(days=1))
        rig.manager.services.engine.settle_registrations()
        planner.due([DueTask("once", instant, instant)])
        eventually(lambda: planner.is_idle)
        assert rig.runs() == []
        rig.fake_clock.advance(LONGEST_LEAD / SECOND)  # and nobody else looks at the time
        (run,) = eventually(rig.runs)
        assert (run.task_id, run.fire_time) == ("once", instant)


def test_runs_start_in_their_order_while_those_of_another_executor_could(tmp_path: Path) -> None:
    order: list[int] = []
    begun, gate = threading.Event(), threading.Event()

    async def note(number: int) -> None:
        order.append(number)
        if number == 0:
            begun.set()
            await asyncio.to_thread(gate.wait, 30)

    def plain() -> None:
        pass

    with Harness(tmp_path, FakeClock(), async_slots=1) as rig:
        for number in range(100):
            rig.manager.add_task(
                note, "date", f"t{number:03}", run_date="2100-01-01", kwargs={"number": number}
            )
        rig.manager.add_task(plain, "date", "plain", run_date="2100-01-01")
        for number in range(100):
            rig.manager.run_task(f"t{number:03}")
        assert begun.wait(90)
        gate.set()
        rig.ended(count=100)
    assert order == list(range(100))
