"""What is planned is counted exactly, as far as that is cheap."""

from __future__ import annotations

import pytest

from rota.core.time import DAY, HOUR, Instant
from rota.testing import Harness
from rota.web.pages.parts import planned_counts as counting
from rota.web.pages.parts.planned_counts import PlannedCounts, planned


async def nothing() -> None:
    """Do nothing."""


@pytest.fixture
def harness(tmp_path: object) -> Harness:
    return Harness(tmp_path, ledger_url="memory://")  # type: ignore[arg-type]


def counted(harness: Harness, days: int = 3) -> tuple[list[PlannedCounts], list[Instant]]:
    now = harness.clock.now()
    edges = [now + day * DAY for day in range(-1, days)]
    return planned(harness.manager.services.engine.registry.entries(), edges, now), edges


def test_each_day_has_its_occurrences(harness: Harness) -> None:
    harness.manager.add_task(nothing, "cron", "daily", hour=9)
    harness.manager.add_task(nothing, "interval", "hourly", hours=1)
    harness.manager.add_task(nothing, "interval", "off", hours=1, enabled=False)
    days, edges = counted(harness)
    assert days[0].count == 0  # it is over
    entries = harness.manager.services.engine.registry.entries()
    for day, start, end in zip(days, edges, edges[1:], strict=False):
        instants = 0
        for entry in entries:
            at = entry.next_run(harness.clock.now())
            while at is not None and at < end:
                instants += at >= start
                at = entry.trigger.next_after(at)
        assert day == PlannedCounts(instants)
    assert days[1].count == DAY // HOUR  # the first one comes an hour from now, and the daily one


def test_of_what_comes_too_often_there_are_at_least_so_many(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST_LOOKED_FOR", 100_000)
    harness.manager.add_task(nothing, "cron", "often", second="*")
    harness.manager.add_task(nothing, "interval", "as-often", seconds=1)
    days, _ = counted(harness)
    assert not days[0].is_more
    assert days[2].is_more
    assert 86_400 <= days[2].count < 2 * 86_400  # the interval costs nothing, and is exact
