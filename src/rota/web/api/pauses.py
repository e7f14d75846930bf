"""Pauses by tag and of all tasks over REST, and the tags there are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from rota.manager import TaskManager
from rota.manager.schemas import Body, PauseRead
from rota.web.api.models import PauseRequest, ResumeRequest, Text


class GroupScope(Body):
    """What a pause holds that is not of one task: a tag, or all tasks."""

    tag: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        None, description="The tasks with this tag."
    )
    all: bool = Field(False, description="All tasks.")


class GroupPauseRequest(GroupScope, PauseRequest):
    """A pause by tag or of all tasks."""


class GroupResumeRequest(GroupScope, ResumeRequest):
    """The end of a pause by tag or of all tasks."""


class TagRead(BaseModel):
    """A tag, and how many tasks have it."""

    tag: str
    tasks: int


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add the endpoints; all are plain functions, so that each one waits in a thread."""

    def listed() -> list[PauseRead]:
        return [PauseRead.model_validate(one) for one in manager.list_pauses()]

    @router.get("/manager/pauses", tags=["tasks"])
    def list_pauses() -> list[PauseRead]:
        """List the pauses by tag and of all tasks; those of single tasks are with the tasks."""
        return listed()

    @router.post("/manager/pause", tags=["tasks"])
    def pause_tasks(how: GroupPauseRequest) -> list[PauseRead]:
        """Pause the tasks with a tag, or all, those that are added later as well; returns the
        pauses that last.
        """
        manager.pause_task(tag=how.tag, all=how.all, until=how.until, reason=how.reason)
        return listed()

    @router.post("/manager/resume", tags=["tasks"])
    def resume_tasks(how: GroupResumeRequest) -> list[PauseRead]:
        """End the pause of a tag, or of all tasks; returns the pauses that last."""
        manager.resume_task(tag=how.tag, all=how.all, catch_up=how.catch_up, reason=how.reason)
        return listed()

    @router.get("/manager/tags", tags=["tasks"])
    def list_tags() -> list[TagRead]:
        """List the tags, and how many tasks have each."""
        return [TagRead(tag=tag, tasks=count) for tag, count in manager.list_tags().items()]
