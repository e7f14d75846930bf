"""Tasks over REST: list, create, get, change, delete; run, pause, resume, skip, reset."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from rota.core.task import Task, TaskStatus
from rota.errors import UnknownTaskError, nearest
from rota.manager import TaskManager
from rota.manager.schemas import TaskCreate, TaskRead, TaskUpdate
from rota.manager.task_views import TaskFilter
from rota.web.api.creating import definition_of, refuse_unless_allowed
from rota.web.api.models import (
    PauseRequest,
    ReasonRequest,
    ResetRequest,
    ResumeRequest,
    SkipRequest,
    Text,
)
from rota.web.api.paging import After, Id, Limit, address, link_next

Why = Annotated[Text, Query(description="Kept in the audit.")]


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add the endpoints; all are plain functions, so that each one waits in a thread."""
    _add_collection(router, manager)
    _add_actions(router, manager)  # before the routes of a task: ids may contain slashes
    _add_task(router, manager)


def _add_collection(router: APIRouter, manager: TaskManager) -> None:
    @router.get("/manager/tasks", tags=["tasks"])
    def list_tasks(
        request: Request,
        response: Response,
        text: Annotated[
            str | None, Query(max_length=200, description="Part of id, name or description.")
        ] = None,
        status: Annotated[list[TaskStatus] | None, Query()] = None,
        enabled: bool | None = None,
        paused: bool | None = None,
        trigger: str | None = None,
        file: Annotated[
            str | None, Query(description="Its task file: the whole path, or its end.")
        ] = None,
        tag: Annotated[str | None, Query(max_length=200)] = None,
        limit: Limit = 100,
        after: After = None,
    ) -> list[TaskRead]:
        """List tasks by id; the header `Link` names the next page."""
        where = TaskFilter(
            text=text,
            statuses=status,
            enabled=enabled,
            paused=paused,
            trigger=trigger,
            file=file,
            tag=tag,
        )
        page = manager.find_tasks(where, limit=limit, after=after)
        link_next(request, response, page.next)
        return [TaskRead.model_validate(task) for task in page.tasks]

    @router.post("/manager/tasks", status_code=HTTPStatus.CREATED, tags=["tasks"])
    def create_task(request: Request, response: Response, task: TaskCreate) -> TaskRead:
        """Add a task for a function that the application registered or a task file defines.

        Rejected unless `manager.api_creates_tasks` is on. The task exists in this process: after a
        restart it is listed as unresolved.
        """
        refuse_unless_allowed(manager)
        definition = definition_of(manager, task)
        manager.create_task(definition)
        response.headers["Location"] = address(request, "tasks", definition.id)
        return _read(manager, definition.id)


def _add_actions(router: APIRouter, manager: TaskManager) -> None:
    @router.post("/manager/tasks/{id:path}/pause", tags=["tasks"])
    def pause_task(id: Id, how: PauseRequest | None = None) -> TaskRead:
        """Pause a task: no node plans its occurrences until it is resumed, even after a restart."""
        how = how or PauseRequest()
        manager.pause_task(id, until=how.until, reason=how.reason)
        return _read(manager, id)

    @router.post("/manager/tasks/{id:path}/resume", tags=["tasks"])
    def resume_task(id: Id, how: ResumeRequest | None = None) -> TaskRead:
        """End the task's own pause: it is planned again from now on if no other pause holds it."""
        how = how or ResumeRequest()
        manager.resume_task(id, catch_up=how.catch_up, reason=how.reason)
        return _read(manager, id)

    @router.post("/manager/tasks/{id:path}/enable", tags=["tasks"])
    def enable_task(id: Id, why: ReasonRequest | None = None) -> TaskRead:
        """Let the trigger start the task, whatever the code says, from the next instant on."""
        return TaskRead.model_validate(manager.enable_task(id, reason=why.reason if why else ""))

    @router.post("/manager/tasks/{id:path}/disable", tags=["tasks"])
    def disable_task(id: Id, why: ReasonRequest | None = None) -> TaskRead:
        """Keep the trigger from starting the task, whatever the code says."""
        return TaskRead.model_validate(manager.disable_task(id, reason=why.reason if why else ""))

    @router.post("/manager/tasks/{id:path}/skip", tags=["tasks"])
    def skip_next(id: Id, how: SkipRequest | None = None) -> TaskRead:
        """Skip the next occurrence on all nodes; it is recorded as skipped at once."""
        how = how or SkipRequest()
        manager.skip_next(id, at=how.at, reason=how.reason)
        return _read(manager, id)

    @router.post("/manager/tasks/{id:path}/reset", tags=["tasks"])
    def reset_task(id: Id, how: ResetRequest | None = None) -> TaskRead:
        """Reset edits: the options in the code apply again."""
        how = how or ResetRequest()
        return TaskRead.model_validate(manager.reset_task(id, *how.keys, reason=how.reason))


def _add_task(router: APIRouter, manager: TaskManager) -> None:
    @router.get("/manager/tasks/{id:path}", tags=["tasks"])
    def get_task(id: Id) -> TaskRead:
        """Return one task."""
        return _read(manager, id)

    @router.put("/manager/tasks/{id:path}", tags=["tasks"])
    def update_task(id: Id, changes: TaskUpdate, reason: Why = "") -> TaskRead:
        """Change the given options durably; null resets an edit, other options stay as they are."""
        given = changes.model_dump(exclude_unset=True)
        reset = [key for key, value in given.items() if value is None]
        return TaskRead.model_validate(manager.change_task(id, given, reset, reason=reason))

    @router.delete("/manager/tasks/{id:path}", status_code=HTTPStatus.NO_CONTENT, tags=["tasks"])
    def delete_task(id: Id, reason: Why = "") -> None:
        """Remove a task; its history stays."""
        manager.remove_task(id, reason=reason)


def existing(manager: TaskManager, id: str) -> Task:
    """Return a task; raises UnknownTaskError with the nearest known id."""
    task = manager.get_task(id)
    if task is None:
        hint = nearest(id, [known.id for known in manager.list_tasks()])
        remedy = hint if hint.startswith("Did") else "GET /manager/tasks lists them."
        raise UnknownTaskError(f"no task has the id {id[:200]!r}.", remedy=remedy)
    return task


def _read(manager: TaskManager, id: str) -> TaskRead:
    return TaskRead.model_validate(existing(manager, id))
