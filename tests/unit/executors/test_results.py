"""What is kept of a result or an error."""

from __future__ import annotations

from typing import Any

import pytest

from rota.core.outcome import OutcomeKind
from rota.executors import results


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "text", [1, [2]], {"a": {"b": None}}])
def test_json_is_kept(value: Any) -> None:
    assert results.jsonable(value) == value


def test_what_is_kept_does_not_change_any_more() -> None:
    value = {"rows": [1]}
    kept = results.jsonable(value)
    value["rows"].append(2)
    assert kept == {"rows": [1]}


@pytest.mark.parametrize(
    ("length", "kept"), [(results.MOST_BYTES - 2, True), (results.MOST_BYTES - 1, False)]
)
def test_it_is_capped(length: int, kept: bool) -> None:
    value = "x" * length
    assert (results.jsonable(value) == value) is kept
    assert len(results.shown(value)) < 2_100


def test_bytes_are_counted_not_characters() -> None:
    assert results.jsonable("€" * 30_000).endswith("(30,002 characters)")


def test_circles_and_depths_are_described() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert results.jsonable(circle) == "[[...]]"
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert results.jsonable(deep) == "<list that cannot be shown>"
    nested: list[Any] = []
    for _ in range(300):
        nested = [nested]
    assert str(results.jsonable(nested)).startswith("[[[")


def test_huge_numbers_are_described() -> None:
    assert results.jsonable(10**5000) == "<int that cannot be shown>"


class Unshown(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


def test_an_error_that_cannot_be_shown_is_one_all_the_same() -> None:
    outcome = results.failed(Unshown(), 7)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error == "Unshown: (it cannot be shown)"
    assert outcome.peak_memory == 7
