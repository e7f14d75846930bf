"""The edits of a task, as its page shows them."""

from __future__ import annotations

from typing import NamedTuple

from rota.core.task import Edit, Task
from rota.engine.planning.edits import in_place_of, made, moved


class Edited(NamedTuple):
    """One edit in words."""

    key: str
    said: str  # like "hour=5 in place of the code's hour=7"
    made: str
    mistake: str
    moved: str

    @classmethod
    def of(cls, edit: Edit) -> Edited:
        """Say an edit."""
        return cls(edit.key, in_place_of(edit), made(edit).strip(" ()"), edit.mistake, moved(edit))


def edited(task: Task) -> list[Edited]:
    """Return what was edited of a task."""
    return [Edited.of(edit) for edit in task.edits]
