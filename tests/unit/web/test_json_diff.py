"""Where two results differ."""

from __future__ import annotations

from typing import Any

import pytest

from rota.web.pages.parts.json_diff import Difference, differences


@pytest.mark.parametrize(
    ("this", "other", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        (1, 2, [Difference("r", [1], [2])]),
        (1, 1.0, [Difference("r", [1], [1.0])]),
        ({"a": None}, {}, [Difference("r.a", [None], [])]),
        ({}, {"a": {"b": 1}}, [Difference("r.a", [], [{"b": 1}])]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [Difference("r.a.b", [1], [2])]),
        ([1, 2], [1], [Difference("r[1]", [2], [])]),
        ([1], {"a": 1}, [Difference("r", [[1]], [{"a": 1}])]),
    ],
)
def test_differences_are_found_where_they_are(
    this: Any, other: Any, found: list[Difference]
) -> None:
    assert list(differences(this, other, "r")) == found
