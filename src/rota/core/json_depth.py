"""How deep a value may be nested that is kept: who reads it as JSON gives up sooner than Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

DEEPEST = 100


def is_too_deep(value: Any) -> bool:
    """Say whether a value is nested more than 100 levels deep; a circle is."""
    level = [value]
    for _ in range(DEEPEST):
        inner = chain.from_iterable(map(_within, level))
        level = list({id(one): one for one in inner}.values())
        if not level:
            return False
    return True


def _within(value: Any) -> Iterable[Any]:
    """Return what lies in a value and may hold more."""
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return ()
    return [inner for inner in value if isinstance(inner, Mapping | list | tuple)]
