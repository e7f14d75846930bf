"""What an entry says of its next run, however the clock moves meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rota.config.sections import ManagerSection
from rota.core.ports.records import Edits, StoredTask
from rota.core.time import DAY, HOUR, SECOND, Instant
from rota.definitions.define import define
from rota.engine.planning.task_registry import RegisteredTask, parse, record
from rota.triggers import between

NOON: Instant = 1_770_000_000 * SECOND


def work() -> None:
    """Do nothing."""


def entry() -> RegisteredTask:
    definition = define(work, "cron", "work", {"minute": 30}, defaults=ManagerSection())
    return RegisteredTask(definition, NOON)


def stored(entry: RegisteredTask, **changes: object) -> StoredTask:
    task = StoredTask(record(entry.definition), NOON, NOON, Edits(), None, None, "", NOON, None, 1)
    return replace(task, **changes)  # type: ignore[arg-type]


def test_the_next_run_is_what_the_trigger_says_at_any_time() -> None:
    task = entry()
    for away in (0, 1, HOUR, HOUR, 29 * 60 * SECOND, DAY, 3, DAY + 1, 5 * HOUR):
        assert task.next_run(NOON + away) == task.trigger.next_after(NOON + away)


def test_a_cached_next_time_is_dropped_when_planned_until_or_times_change() -> None:
    task = entry()
    first = task.next_run(NOON)
    assert first is not None
    task.planned_until = first
    assert task.next_run(NOON) == first + HOUR
    task.lay_over(stored(task, edits=Edits(trigger_args={"minute": 45})), NOON)
    assert task.next_run(NOON) == task.trigger.next_after(NOON) != first
    task.lay_over(stored(task, edits=Edits(enabled=False), revision=2), NOON)
    assert task.next_run(NOON) is None


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("interval", {"hours": 7}),
        ("interval", {"hours": 7, "start_date": "2030-01-01", "end_date": "2031-01-01"}),
        ("cron", {"hour": 5, "timezone": "Europe/Berlin"}),
        ("cron", {"crontab": "@every 90m"}),
        ("date", {"run_date": "2030-01-01"}),
        ("every", {"text": "3 hours"}),
        ("any", {"of": [{"trigger": "interval", "hours": 3}, {"crontab": "H 5 * * *"}]}),
        ("interval", {"hours": 7, "except": [{"crontab": "* 5 * * *"}]}),
    ],
)
def test_a_trigger_that_was_read_is_anchored_as_one_that_is_read_again(
    kind: str, options: dict[str, Any]
) -> None:
    definition = define(work, kind, "t", options, defaults=ManagerSection())
    again = parse(definition, definition.trigger_args, NOON)
    until = NOON + 10_000 * DAY
    one = RegisteredTask(definition, NOON).trigger
    assert between(one, NOON, until, 50) == between(again, NOON, until, 50) != []
