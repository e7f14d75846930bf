"""How deep values may be."""

from __future__ import annotations

from typing import Any

import pytest

from rota.core.json_depth import DEEPEST, is_too_deep


def nested(levels: int, of: type = list) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"in": value} if of is dict else of([value])
    return value


@pytest.mark.parametrize("of", [list, tuple, dict])
def test_a_hundred_levels_and_no_more(of: type) -> None:
    assert not is_too_deep(nested(DEEPEST, of))
    assert is_too_deep(nested(DEEPEST + 1, of))
    assert is_too_deep({"flat": 1, "deep": nested(5_000, of)})


@pytest.mark.parametrize("value", [None, 1, "x" * 200, [], {}, [1] * 10_000, {"a": [{"b": ()}]}])
def test_what_is_flat_is_not(value: Any) -> None:
    assert not is_too_deep(value)


def test_a_circle_is_too_deep_and_looked_at_once() -> None:
    circle: list[Any] = []
    circle += [circle, circle]
    assert is_too_deep(circle)
