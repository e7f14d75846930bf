"""The task manager; everything lives in `rota.manager`."""

from rota.manager import TaskManager

__all__ = ["TaskManager"]
