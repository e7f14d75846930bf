"""What was edited of a task, as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rota.core.task import Edit

LONGEST_SHOWN = 200
"""Characters of a value that are shown."""


def in_place_of(edit: Edit) -> str:
    """Return the edit as a text with what the code says, like "hour=5 in place of the code's
    hour=7".
    """
    if not isinstance(edit.value, Mapping) or not isinstance(edit.code, Mapping):
        return f"{as_text(edit.value)} in place of the code's {as_text(edit.code)}"
    mine, codes = _apart(edit.value, edit.code), _apart(edit.code, edit.value)
    return f"{mine or 'nothing'} in place of the code's {codes or 'nothing'}"


def moved(edit: Edit) -> str:
    """Return what the code said when an option was edited, if it says something else since."""
    if not edit.has_moved:
        return ""
    if isinstance(edit.was, Mapping) and isinstance(edit.code, Mapping):
        before, now = _apart(edit.was, edit.code), _apart(edit.code, edit.was)
        if before == now:  # zone or rule for clock changes
            return "the code's times changed since"
        return f"the code said {before or 'nothing'} then, and says {now or 'nothing'} now"
    return f"the code said {as_text(edit.was)} then, and says {as_text(edit.code)} now"


def made(edit: Edit) -> str:
    """Return when and by which user an option was edited, as far as it is known."""
    if edit.at is None:
        return ""
    why = f": {edit.reason}" if edit.reason else ""
    return f" (edited {edit.at:%Y-%m-%d %H:%M} UTC by {edit.by}{why})"


def as_text(value: Any) -> str:
    """Return a value as JSON, in few characters."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    found = ", ".join(_pairs_apart(one, other))
    return found if len(found) <= LONGEST_SHOWN else f"{found[: LONGEST_SHOWN - 1]}…"


def _pairs_apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    for key, value in one.items():
        if key not in other or as_text(other[key]) != as_text(value):
            yield f"{key}={as_text(value)}"
