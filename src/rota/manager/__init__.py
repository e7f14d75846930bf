"""The task manager: `base` what its verbs stand on, `tasks` and `runs` the verbs, `process` the
whole, and the one of this process."""

from rota.manager.process import Manager as Manager
from rota.manager.process import TaskManager as TaskManager
