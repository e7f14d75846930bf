"""A task whose instants were handed over too early is due again when their time comes."""

from __future__ import annotations

import pytest

from rota.core.time import SECOND
from rota.engine.planning.due_later import DueLater
from rota.scheduling import DueTask
from tests.unit.engine.context import Bench, until

pytestmark = pytest.mark.asyncio

SOON = SECOND // 100


async def test_a_task_is_due_at_its_time_for_all_that_it_names_up_to_then(bench: Bench) -> None:
    found: list[DueTask] = []
    later = DueLater(bench.clock, found.extend)
    later.add("t", bench.now + SOON, bench.now + SECOND)
    assert found == []
    await until(lambda: found)
    assert found == [DueTask("t", None, bench.now + SECOND)]


async def test_a_task_has_one_alarm_which_is_the_earliest(bench: Bench) -> None:
    found: list[DueTask] = []
    later = DueLater(bench.clock, found.extend)
    later.add("t", bench.now + 3_600 * SECOND, bench.now + 3_600 * SECOND)
    later.add("t", bench.now + SOON, bench.now + SECOND)
    later.add("t", bench.now + 7 * SECOND, bench.now + 7 * SECOND)
    await until(lambda: found)
    assert found == [DueTask("t", None, bench.now + 3_600 * SECOND)]
    later.ring_all()
    assert len(found) == 1


async def test_a_new_start_has_everything_due_at_once(bench: Bench) -> None:
    found: list[DueTask] = []
    later = DueLater(bench.clock, found.extend)
    for task_id in ("a", "b"):
        later.add(task_id, bench.now + 3_600 * SECOND, bench.now + 3_600 * SECOND)
    later.ring_all()
    later.ring_all()
    assert [one.task_id for one in found] == ["a", "b"]
