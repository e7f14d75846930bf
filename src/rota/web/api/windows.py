"""Maintenance windows over REST: those that were opened, and those of the configuration."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, field_serializer

from rota.core.secrets import redact_text
from rota.manager import TaskManager
from rota.manager.schemas import Body
from rota.web.api.models import Moment, ReasonRequest, Text

_Names = Annotated[
    list[Annotated[Text, Field(min_length=1, max_length=200)]], Field(max_length=1000)
]


class SpanRead(BaseModel):
    """A span in which a window is open."""

    model_config = ConfigDict(from_attributes=True)

    since: datetime | None = Field(None, description="null: it has always been.")
    until: datetime | None = Field(None, description="null: until it is closed.")


class WindowRead(BaseModel):
    """A maintenance window."""

    model_config = ConfigDict(from_attributes=True)

    id: int | None = Field(None, description="null: it is planned in the configuration.")
    name: str
    is_open: bool
    action: Literal["skip", "delay", "allow"]
    all: bool
    tags: list[str]
    tasks: list[str]
    spans: list[SpanRead] = Field(
        description="The span that it is in, if it is open, and those to come, at most three."
    )
    reason: str = ""
    by: str = Field("", description="Who opened it.")

    @field_serializer("reason", "by")
    def _said(self, value: str) -> str:
        return redact_text(value)


class WindowRequest(Body):
    """A window to open now: which tasks it is about, until when, and what it does."""

    all: bool = Field(False, description="All tasks.")
    tags: _Names = Field(default_factory=list, description="The tasks with one of these tags.")
    tasks: _Names = Field(default_factory=list, description="The tasks with these ids.")
    duration: (
        Annotated[float, Field(gt=0, le=315_360_000, allow_inf_nan=False, strict=True)] | None
    ) = Field(None, description="It ends after so many seconds.")
    until: Moment | None = Field(None, description="Its end; neither: until it is closed.")
    action: Literal["skip", "delay", "allow"] = Field(
        "skip", description="What happens to occurrences in it."
    )
    reason: Text = Field("", description="Shown with the runs.")


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add the endpoints; all are plain functions, so that each one waits in a thread."""

    @router.get("/manager/windows", tags=["tasks"])
    def list_windows(
        closed: Annotated[bool, Query(description="Whether to list those that are over.")] = False,
    ) -> list[WindowRead]:
        """List the maintenance windows that were opened, and then those of the configuration."""
        return [WindowRead.model_validate(one) for one in manager.list_windows(closed=closed)]

    @router.post("/manager/windows", tags=["tasks"])
    def open_window(how: WindowRequest) -> WindowRead:
        """Open a maintenance window now, or change the end and the reason of the one that is open
        with the same tasks and action.
        """
        opened = manager.open_window(
            all=how.all,
            tags=how.tags,
            tasks=how.tasks,
            duration=how.duration,
            until=how.until,
            action=how.action,
            reason=how.reason,
        )
        return WindowRead.model_validate(opened)

    @router.post("/manager/windows/{id}/close", tags=["tasks"])
    def close_window(id: int, how: ReasonRequest | None = None) -> WindowRead:
        """Close a window that was opened, before its end; does nothing if it is over."""
        reason = "" if how is None else how.reason
        return WindowRead.model_validate(manager.close_window(id, reason=reason))
