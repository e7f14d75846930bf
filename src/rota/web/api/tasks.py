"""Tasks over REST: list, create, get, change, delete; run, pause, resume."""

from __future__ import annotations

import re
import threading
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response

from rota.core.task import Task, TaskDefinition
from rota.discovery import define
from rota.errors import (
    DefinitionError,
    Mistakes,
    RotaError,
    StateError,
    UnknownTaskError,
    nearest,
)
from rota.manager import TaskManager
from rota.schemas import TaskCreate, TaskRead, TaskUpdate
from rota.web.api.functions import Function, known_functions
from rota.web.api.models import PauseRequest, RunDetail, RunRequest

Id = Annotated[str, Path(description="The task's id, percent-encoded where it holds a slash.")]


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add the endpoints; all are plain functions, so that each one waits in a thread."""
    creating = threading.Lock()

    @router.get("/manager/tasks", tags=["tasks"])
    def list_tasks() -> list[TaskRead]:
        """List every task, by id."""
        return [TaskRead.model_validate(task) for task in manager.list_tasks()]

    @router.post("/manager/tasks", status_code=HTTPStatus.CREATED, tags=["tasks"])
    def create_task(request: Request, response: Response, task: TaskCreate) -> TaskRead:
        """Add a task for a function that the application registered or a task file defines.

        It lives in this process: after a restart it is listed as unresolved.
        """
        definition = _definition(manager, task)
        with creating:
            _refuse_taken(manager, definition.id)
            manager.add_definition(definition)
        response.headers["Location"] = _address(request, "tasks", definition.id)
        return _read(manager, definition.id)

    @router.post("/manager/tasks/{id:path}/run", status_code=HTTPStatus.ACCEPTED, tags=["tasks"])
    def run_task(
        request: Request, response: Response, id: Id, how: RunRequest | None = None
    ) -> RunDetail:
        """Start a task by hand; the answer is its new run."""
        run_id = manager.run_task(id, arguments=how.arguments if how else None)
        response.headers["Location"] = _address(request, "runs", run_id)
        return RunDetail.whole(manager.get_run(run_id), [], [])

    @router.post("/manager/tasks/{id:path}/pause", tags=["tasks"])
    def pause_task(id: Id, how: PauseRequest | None = None) -> TaskRead:
        """Plan no occurrences until it is resumed, on any node, across restarts."""
        how = how or PauseRequest()
        manager.pause_task(id, until=how.until, reason=how.reason)
        return _read(manager, id)

    @router.post("/manager/tasks/{id:path}/resume", tags=["tasks"])
    def resume_task(id: Id) -> TaskRead:
        """Plan its occurrences again from now on."""
        manager.resume_task(id)
        return _read(manager, id)

    @router.get("/manager/tasks/{id:path}", tags=["tasks"])
    def get_task(id: Id) -> TaskRead:
        """Return one task."""
        return _read(manager, id)

    @router.put("/manager/tasks/{id:path}", tags=["tasks"])
    def update_task(id: Id, changes: TaskUpdate) -> TaskRead:
        """Change what is given, durably; the rest stays as it is."""
        task = manager.edit_task(id, **changes.model_dump(exclude_none=True))
        return TaskRead.model_validate(task)

    @router.delete("/manager/tasks/{id:path}", status_code=HTTPStatus.NO_CONTENT, tags=["tasks"])
    def delete_task(id: Id) -> None:
        """Take a task out; its history stays."""
        manager.remove_task(id)


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


def _definition(manager: TaskManager, task: TaskCreate) -> TaskDefinition:
    """Check a new task; raises DefinitionError, or Mistakes for several."""
    errors: list[RotaError] = []
    func = _function(manager, task.func_path, errors)
    options: dict[str, Any] = task.model_dump(
        include={"name", "trigger_args", "max_retries", "enabled", "timeout"}, exclude_none=True
    )
    definition = None
    try:
        definition = define(
            func,
            task.trigger,
            _slug(task.name) if task.id is None else task.id,
            options,
            defaults=manager.config.manager,
        )
    except Mistakes as mistakes:
        errors += mistakes.errors
    except DefinitionError as error:
        errors.append(error)
    if definition is None or errors:
        raise errors[0] if len(errors) == 1 else Mistakes(errors)
    return definition


def _function(manager: TaskManager, path: str, errors: list[RotaError]) -> Function:
    """Find a known function; notes a mistake, and returns one that does nothing, for others."""
    functions = known_functions(manager)
    found = functions.get(path) or {
        name.replace(":", "."): func for name, func in functions.items()
    }.get(path)
    if found is not None:
        return found
    hint = nearest(path, list(functions))
    errors.append(
        DefinitionError(
            f"{path[:200]!r} is no function that the application registered, nor one of its task"
            " files.",
            where="func_path",
            remedy=hint if len(hint) < 1000 else "GET /manager/tasks shows the paths in use.",
        )
    )
    return _nothing


def _nothing() -> None:
    """Stand in for a function that is not known, while the rest is checked."""


def _refuse_taken(manager: TaskManager, id: str) -> None:
    if manager.get_task(id) is not None:
        raise StateError(
            f"the id {id!r} is taken.",
            where="id",
            remedy="Give another id, or change that task with PUT.",
        )


def _slug(name: str) -> str:
    """Make an id of a name: its letters and digits, joined by underscores."""
    return "_".join(re.findall(r"\w+", name.lower())) or name


def _address(request: Request, kind: str, id: str) -> str:
    return f"{request.scope.get('root_path', '')}/manager/{kind}/{quote(id, safe='')}"
