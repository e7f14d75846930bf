"""How deep a kept value may be nested: readers of JSON give up sooner than Python does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

DEEPEST = 100


def is_too_deep(value: Any) -> bool:
    """Return whether a value is nested more than 100 levels deep; a circular one is."""
    level = [value]
    for _ in range(DEEPEST):
        inner = chain.from_iterable(map(_within, level))
        level = list({id(one): one for one in inner}.values())
        if not level:
            return False
    return True


def _within(value: Any) -> Iterable[Any]:
    """Return the parts of a value that may hold further values."""
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return ()
    return [inner for inner in value if isinstance(inner, Mapping | list | tuple)]
