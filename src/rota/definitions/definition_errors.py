"""Collects every mistake of a definition, so that all of them are reported at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rota.core.task import Source
from rota.definitions.readers import Reader, Refusal
from rota.errors import DefinitionError, Mistakes, RotaError, TriggerError
from rota.triggers.kinds.kind import OF_EVERY_KIND
from rota.triggers.trigger_errors import quoted

MISSING: Any = object()
"""The value for a key that is not there."""

_NEEDED = {
    "id": "Give each task a unique id, like 'id': 'cleanup'.",
    "func": "Name the function, like 'func': cleanup.",
}


class ErrorCollector:
    """Every mistake of one definition, each with its place."""

    __slots__ = ("errors", "label", "lines", "refused", "source")

    def __init__(self, label: str, source: Source | None, lines: Mapping[str, int]) -> None:
        self.label, self.source, self.lines = label, source, lines
        self.errors: list[RotaError] = []
        self.refused: set[str] = set()

    def has(self, key: str, value: Any) -> bool:
        """Return whether a required key is there; if it is not, that is noted."""
        if value is MISSING:
            self.add(key, "is missing.", _NEEDED[key])
        return value is not MISSING

    def read(self, key: str, value: Any, reader: Reader) -> Any:
        """Return what `reader` makes of a value; None, and a note, if it refuses the value."""
        if not self.has(key, value):
            return None
        try:
            return reader(value)
        except Refusal as refusal:
            self.add(key, f"{quoted(value)} {refusal.why}.", refusal.remedy)
        except Exception as error:  # from methods of the user's own objects
            self.add(key, f"cannot be examined ({type(error).__name__}).", "Write a plain value.")
        return None

    def add(self, key: str, what: str, remedy: str = "") -> None:
        """Note a mistake of `key`."""
        self.refused.add(key)
        self.errors.append(DefinitionError(what, where=self.place(key), remedy=remedy))

    def place(self, key: str) -> str:
        """Return the place of `key` in the source, or of the definition if that is not known."""
        place = []
        if self.source is not None:
            line = (
                self.lines.get(key)
                or self.lines.get(re.split(r"[.\[]", key)[0])
                or self.source.line
            )
            place.append(str(Source(self.source.file, line)))
        return ", ".join([*place, *([self.label] if self.label else []), key])

    def finish(self) -> None:
        """Raise what was noted."""
        if self.errors:
            raise self.errors[0] if len(self.errors) == 1 else Mistakes(self.errors)


def note_trigger(error: TriggerError, prefix: str, notes: ErrorCollector) -> None:
    """Note a mistake in a trigger, at the place of its key; `prefix` leads to its arguments."""
    head = error.field.partition(".")[0].partition("[")[0]
    apart = error.field == "trigger" or (head in OF_EVERY_KIND and head in notes.lines)
    where = notes.place(error.field if apart else f"{prefix}{error.field}")
    notes.errors.append(
        TriggerError(
            error.what, field=error.field, text=error.text, where=where, remedy=error.remedy
        )
    )
