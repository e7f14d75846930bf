"""Maintenance windows that are opened and closed by hand while nodes run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rota.core.audit import Verb
from rota.core.reasons import ReasonCode
from rota.core.run import Run, State
from rota.core.time import HOUR, to_datetime
from rota.errors import DefinitionError, UnknownTaskError, UnknownWindowError
from rota.testing import FakeClock, Harness, eventually

BEGIN = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Harness]:
    with Harness(tmp_path, FakeClock(BEGIN)) as rig:
        yield rig


def hourly(rig: Harness, id: str = "t", **options: Any) -> None:
    rig.manager.add_task(lambda: None, None, id, crontab="0 * * * *", **{"tags": "db", **options})


def hour(rig: Harness, count: int, id: str = "t", *, ended: bool = True) -> list[Run]:
    """Move on an hour; return the rows of the task when there are `count` of them."""
    rig.advance(3600)
    if ended:
        return rig.ended(id, count)
    eventually(lambda: len(rig.runs(id)) == count)
    return rig.runs(id)


def next_run(rig: Harness, id: str = "t") -> datetime | None:
    task = rig.manager.get_task(id)
    assert task is not None
    return task.next_run


def test_what_falls_into_an_opened_window_is_skipped_until_it_is_closed(rig: Harness) -> None:
    hourly(rig)
    hourly(rig, "other", tags=[])
    before = next_run(rig)
    window = rig.manager.open_window(tags=["db"], duration=6 * 3600, reason="new disks")
    assert next_run(rig) == BEGIN + timedelta(hours=6.5)
    hour(rig, 1)
    runs = hour(rig, 2)
    assert [run.state for run in runs] == [State.SKIPPED] * 2
    assert runs[0].reason == "it is in the window 1 (new disks)"
    assert runs[0].reason_code is ReasonCode.WINDOW
    assert {run.state for run in rig.ended("other", 2)} == {State.SUCCEEDED}
    rig.manager.close_window(window.id or 0, reason="done early")
    assert before is not None
    assert next_run(rig) == before + timedelta(hours=2)
    assert hour(rig, 3)[2].state is State.SUCCEEDED
    assert rig.manager.verify() == []


def test_a_window_opened_and_closed_at_once_leaves_no_trace(rig: Harness) -> None:
    hourly(rig)
    before = next_run(rig)
    for action in ("skip", "delay", "allow"):
        window = rig.manager.open_window(all=True, duration=9 * 3600, action=action)
        rig.manager.close_window(window.id or 0)
    assert next_run(rig) == before
    assert [run.state for run in hour(rig, 1)] == [State.SUCCEEDED]


def test_what_a_window_delays_starts_when_it_is_closed(rig: Harness) -> None:
    hourly(rig)
    window = rig.manager.open_window(tasks=["t"], duration=6 * 3600, action="delay")
    (run,) = hour(rig, 1, ended=False)
    assert (run.state, run.reason_code) == (State.SCHEDULED, ReasonCode.WINDOW)
    assert to_datetime(run.available_at) == BEGIN + timedelta(hours=6)
    rig.manager.close_window(window.id or 0)
    (run,) = rig.ended("t", 1)
    assert run.state is State.SUCCEEDED
    assert rig.manager.verify() == []


def test_a_window_opened_again_gets_the_other_end_and_so_does_what_it_delays(rig: Harness) -> None:
    hourly(rig)
    first = rig.manager.open_window(tags="db", duration=6 * 3600, action="delay", reason="a")
    hour(rig, 1, ended=False)
    until = to_datetime(rig.clock.now() + 8 * HOUR)
    again = rig.manager.open_window(tags=["db"], until=until, action="delay", reason="b")
    assert (first.id, again.id) == (1, 1)
    assert (again.reason, again.spans[0].since) == ("b", first.spans[0].since)
    eventually(lambda: to_datetime(rig.runs("t")[0].available_at) == until)
    assert len(rig.manager.list_windows()) == 1


def test_a_window_that_allows_opens_a_gap_in_another(rig: Harness) -> None:
    hourly(rig)
    rig.manager.open_window(all=True)
    hour(rig, 1)
    rig.manager.open_window(tasks=["t"], action="allow", duration=3600)
    runs = hour(rig, 2)
    assert [run.state for run in runs] == [State.SKIPPED, State.SUCCEEDED]
    assert hour(rig, 3)[2].state is State.SKIPPED


def test_a_closed_window_counts_for_what_fell_into_it_while_no_node_was_up(tmp_path: Path) -> None:
    clock = FakeClock(BEGIN)
    with Harness(tmp_path, clock) as rig:
        hourly(rig, catchup="all")
        rig.manager.open_window(all=True, duration=7200)
    clock.advance(4 * 3600)  # 01:00 to 04:00, of which 01:00 and 02:00 are in it
    with Harness(tmp_path, clock) as rig:
        hourly(rig, catchup="all")
        eventually(lambda: sum(run.count for run in rig.runs("t")) == 4)
        found = {to_datetime(run.fire_time or 0).hour: run for run in rig.ended("t", 3)}
        assert {at: (run.state, run.count) for at, run in found.items()} == {
            1: (State.SKIPPED, 2),
            3: (State.SUCCEEDED, 1),
            4: (State.SUCCEEDED, 1),
        }
        assert rig.manager.verify() == []


def test_what_a_closed_window_delayed_starts_when_a_node_comes_back(tmp_path: Path) -> None:
    clock = FakeClock(BEGIN)
    with Harness(tmp_path, clock) as rig:
        hourly(rig)
        rig.manager.open_window(all=True, duration=9 * 3600, action="delay")
        hour(rig, 1, ended=False)
    another = Harness(tmp_path, clock).manager  # it does not start
    another.close_window(1)
    another.shutdown()
    with Harness(tmp_path, clock) as rig:
        hourly(rig)
        (run,) = rig.ended("t", 1)
        assert run.state is State.SUCCEEDED


def test_opening_and_closing_are_listed_and_audited_once(rig: Harness) -> None:
    hourly(rig)
    for _ in range(2):
        rig.manager.open_window(tags=["db"], duration=60, reason="why")
    for _ in range(2):
        rig.manager.close_window(1, reason="because")
    assert rig.manager.list_windows() == []
    (closed,) = rig.manager.list_windows(closed=True)
    assert (closed.id, closed.is_open, closed.about, closed.by) == (1, False, "tag db", "python")
    changes = rig.manager.history.audit().changes
    told = [(one.verb, one.reason) for one in changes if one.verb in (Verb.OPEN, Verb.CLOSE)]
    assert sorted(told) == [(Verb.CLOSE, "because"), (Verb.OPEN, "why")]


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({}, DefinitionError, "name tasks, tags, or all"),
        ({"all": True, "tags": ["db"]}, DefinitionError, "name tasks, tags, or all"),
        ({"tags": ["bd"]}, DefinitionError, "no task has the tag 'bd'"),
        ({"tasks": ["tt"]}, UnknownTaskError, "no task has the id 'tt'"),
        ({"all": True, "action": "delay"}, DefinitionError, "needs an end"),
        ({"all": True, "action": "dely"}, DefinitionError, "no action"),
        ({"all": True, "duration": 0}, DefinitionError, "no length"),
        ({"all": True, "duration": float("nan")}, DefinitionError, "no length"),
        ({"all": True, "until": BEGIN}, DefinitionError, "is past"),
        ({"all": True, "until": BEGIN, "duration": 1}, DefinitionError, "two ends"),
    ],
)
def test_what_cannot_be_opened_is_refused(
    rig: Harness, given: Any, error: type[Exception], said: str
) -> None:
    hourly(rig)
    with pytest.raises(error, match=said):
        rig.manager.open_window(**given)
    assert rig.manager.list_windows() == []


def test_a_window_that_does_not_exist_cannot_be_closed(rig: Harness) -> None:
    with pytest.raises(UnknownWindowError, match="has the id 7"):
        rig.manager.close_window(7)
