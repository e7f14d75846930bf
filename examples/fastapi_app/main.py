"""A web application that runs its background tasks in its own processes.

Each of several workers schedules and runs; every occurrence still runs once, in one of them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from database.db import Base, engine
from fastapi import FastAPI, HTTPException
from loggers.logger_config import setup_logging
from manager import Manager
from manager.schemas.taskManager import TaskRead
from sqlalchemy.schema import CreateTable

from backgroundtask.taskplugins import register_tasks


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Schedule as long as the application runs."""
    setup_logging(Manager.task_manager.config.log_level)
    create_tables()
    register_tasks(Manager.task_manager)
    Manager.task_manager.start()
    yield
    Manager.task_manager.shutdown()


def create_tables() -> None:
    """Create what is missing; several workers may do so at once (a real shop has migrations)."""
    with engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))


app = FastAPI(title="Shop", lifespan=lifespan)


@app.get("/tasks")
def tasks() -> list[TaskRead]:
    """List the tasks with their last and next run."""
    return [TaskRead.model_validate(task) for task in Manager.task_manager.list_tasks()]


@app.post("/tasks/{id}/run", status_code=202)
def run(id: str) -> dict[str, str]:
    """Start a task by hand; any of the workers may run it."""
    if Manager.task_manager.get_task(id) is None:
        raise HTTPException(404, f"no task has the id {id!r}")
    return {"run": Manager.task_manager.run_task(id)}


@app.get("/runs/{id}")
def outcome(id: str) -> dict[str, Any]:
    """Say how a run went, and in which worker."""
    run = Manager.task_manager.get_run(id)
    return {"state": run.state, "reason": run.reason, "result": run.result, "node": run.node}


@app.get("/health")
def health() -> dict[str, Any]:
    """Say how this worker's scheduler is."""
    return Manager.task_manager.health()
