"""Tasks as JSON; everything lives in `rota.schemas`."""

from rota.schemas import TaskCreate, TaskRead, TaskUpdate

__all__ = ["TaskCreate", "TaskRead", "TaskUpdate"]
