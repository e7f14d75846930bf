"""Tasks as JSON; everything lives in `rota.manager.schemas`."""

from rota.manager.schemas import TaskCreate, TaskRead, TaskUpdate

__all__ = ["TaskCreate", "TaskRead", "TaskUpdate"]
