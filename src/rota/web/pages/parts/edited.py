"""The edits of a task on its page."""

from __future__ import annotations

from typing import NamedTuple

from rota.core.task import Edit, Task
from rota.definitions.edits import in_place_of, made, moved


class Edited(NamedTuple):
    """One edit as text."""

    key: str
    said: str  # like "hour=5 in place of the code's hour=7"
    made: str
    mistake: str
    moved: str

    @classmethod
    def of(cls, edit: Edit) -> Edited:
        """Return an edit as text."""
        return cls(edit.key, in_place_of(edit), made(edit).strip(" ()"), edit.mistake, moved(edit))


def edited(task: Task) -> list[Edited]:
    """Return the edits of a task as text."""
    return [Edited.of(edit) for edit in task.edits]
