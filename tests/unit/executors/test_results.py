"""What is kept of a result or an error."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from rota.core.outcome import OutcomeKind
from rota.definitions.arguments import jsonable
from rota.definitions.arguments.results import MOST_BYTES
from rota.errors import ResultError
from rota.executors import results


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "text", [1, [2]], {"a": {"b": None}}])
def test_json_is_kept(value: Any) -> None:
    assert jsonable(value) == value


def test_what_is_kept_does_not_change_any_more() -> None:
    value = {"rows": [1]}
    kept = jsonable(value)
    value["rows"].append(2)
    assert kept == {"rows": [1]}


@pytest.mark.parametrize(("length", "kept"), [(MOST_BYTES - 2, True), (MOST_BYTES - 1, False)])
def test_the_text_of_a_result_is_capped(length: int, kept: bool) -> None:
    value = "x" * length
    assert (jsonable(value) == value) is kept
    assert kept or len(jsonable(value)) < 2_100


def test_bytes_are_counted_not_characters() -> None:
    assert jsonable("€" * 30_000).endswith("(30,002 characters)")


class Colour(Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    when: date


class Order(BaseModel):
    total: Decimal


DAY = date(2024, 2, 29)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (DAY, "2024-02-29"),
        (datetime(2024, 2, 29, tzinfo=UTC), "2024-02-29T00:00:00Z"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("1.10"), "1.10"),
        (Colour.RED, "red"),
        (Point(1, DAY), {"x": 1, "when": "2024-02-29"}),
        ([Order(total=Decimal("2.50"))], [{"total": "2.50"}]),
        ({DAY: {1}}, {"2024-02-29": [1]}),
        (b"\xff\xfe", "__4="),
    ],
)
def test_what_has_a_json_form_is_kept_in_it(value: Any, kept: Any) -> None:
    assert jsonable(value) == kept


def test_a_return_annotation_says_how_a_result_is_written() -> None:
    def measured() -> Order:
        raise AssertionError

    def mistaken() -> int:
        raise AssertionError

    assert jsonable(Order(total=Decimal(1)), measured) == {"total": "1"}
    assert jsonable(Point(1, DAY), mistaken) == {"x": 1, "when": "2024-02-29"}


class Untold:
    def __repr__(self) -> str:
        raise AssertionError("nobody asks for it")

    __str__ = __repr__


def circle() -> list[Any]:
    one: list[Any] = []
    one.append(one)
    return one


def deep(levels: int) -> list[Any]:
    one: list[Any] = []
    for _ in range(levels):
        one = [one]
    return one


@pytest.mark.parametrize(
    "value",
    [object(), Untold(), [Untold()], float("nan"), [float("inf")], "\ud800", 10**5000, circle(),
     deep(100_000), {(1, 2): 3}.__iter__, print],
    ids=range(11),
)  # fmt: skip
def test_what_has_no_json_form_is_refused(value: Any) -> None:
    with pytest.raises(ResultError, match="has no JSON form"):
        jsonable(value)
    outcome = results.succeeded(value, 7)
    assert (outcome.kind, outcome.peak_memory) == (OutcomeKind.FAILED, 7)
    assert str(outcome.error).startswith("ResultError: the function ended, and what it returned")


def test_what_is_too_deep_is_cut() -> None:
    assert str(jsonable(deep(300))).startswith("[[[")


class Unshown(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


def test_an_error_that_cannot_be_shown_is_one_all_the_same() -> None:
    outcome = results.failed(Unshown(), 7)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error == "Unshown: (it cannot be shown)"
    assert outcome.peak_memory == 7
