"""The boundary models: what a request may say, what an answer holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from rota.manager.schemas import TaskCreate, TaskRead, TaskUpdate

GIVEN: dict[str, Any] = {"name": "Report", "func_path": "tasks:report", "trigger": "cron"}


def test_a_task_needs_a_name_and_a_function() -> None:
    task = TaskCreate(**GIVEN, trigger_args={"hour": 9})
    assert (task.max_retries, task.enabled, task.timeout, task.id) == (3, True, None, None)
    for key in ("name", "func_path"):
        with pytest.raises(ValidationError):
            TaskCreate(**{k: v for k, v in GIVEN.items() if k != key})
    assert TaskCreate(name="Report", func_path="tasks:report").trigger == "job"


@pytest.mark.parametrize(
    "wrong",
    [
        {"trigger": "hourly"},
        {"max_retries": -1},
        {"max_retries": True},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"name": ""},
        {"func_path": ""},
        {"trigger_args": [1]},
        {"max_retry": 3},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TaskCreate(**{**GIVEN, **wrong})


def test_an_update_says_only_what_changes() -> None:
    update = TaskUpdate(enabled=False)
    assert update.model_dump(exclude_unset=True) == {"enabled": False}
    with pytest.raises(ValidationError):
        TaskUpdate(enabld=False)  # type: ignore[call-arg]


@dataclass
class Task:
    id: str = "report"
    name: str = "Report"
    status: str = "scheduled"
    last_run: datetime | None = None
    next_run: datetime | None = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_answer_is_made_from_a_task() -> None:
    read = TaskRead.model_validate(Task())
    assert read.model_dump(mode="json", exclude_none=True) == {
        "id": "report",
        "name": "Report",
        "status": "scheduled",
        "next_run": "2026-01-01T00:00:00Z",
    }
