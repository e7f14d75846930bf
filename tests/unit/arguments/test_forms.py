"""What an annotation allows is kept as JSON and made again equal; all else is refused."""

from __future__ import annotations

import dataclasses
import json
import typing
import zoneinfo
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Optional
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, Json, SecretStr, computed_field

from rota.definitions.arguments import AnnotationForm, MismatchError

DAY, NOON = date(2024, 2, 29), datetime(2024, 2, 29, 12, tzinfo=UTC)
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Word(StrEnum):
    YES = "yes"


@dataclasses.dataclass
class Parcel:
    content: bytes
    when: datetime


@dataclasses.dataclass(eq=False)
class Identity:
    number: int


class Order(BaseModel):
    total: Decimal
    tags: set[str] = set()


class Offer(BaseModel):
    total: Decimal
    tags: set[str] = set()


class Parcels(BaseModel):
    """Its field is known by its alias alone, and what it says beside is computed."""

    model_config = ConfigDict(extra="forbid")
    count: int = Field(alias="theCount")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def half(self) -> float:
        return self.count / 2


class Letter(BaseModel):
    content: Json[list[int]]


OrderId = NewType("OrderId", UUID)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 2**70),
        (float, 1.5),
        (bool, True),
        (str, "Ada"),
        (date, DAY),
        (datetime, NOON),
        (datetime, datetime(2024, 2, 29, 12)),
        (time, time(9, 30)),
        (timedelta, timedelta(days=1, microseconds=5)),
        (UUID, UUID(int=7)),
        (OrderId, UUID(int=7)),
        (Decimal, Decimal("1.10")),
        (Colour, Colour.RED),
        (Level, Level.HIGH),
        (Word, Word.YES),
        (bytes, b"\xff\x00"),
        (Path, Path("/srv")),
        (zoneinfo.ZoneInfo, BERLIN),
        (Parcel, Parcel(b"\xff", NOON)),
        (Order, Order(total=Decimal("2.50"), tags={"a"})),
        (list[Order], [Order(total=Decimal(1))]),
        (Parcels, Parcels(theCount=3)),
        (dict[str, Parcels], {"a": Parcels(theCount=3)}),
        (Letter, Letter(content="[1, 2]")),
        (typing.Iterable[int], [1, 2]),
        (dict[int, date], {1: DAY}),
        (tuple[int, str], (1, "a")),
        (set[int], {1, 2}),
        (frozenset[date], frozenset({DAY})),
        (Optional[date], None),  # noqa: UP045
        (date | None, DAY),
        (datetime | str, NOON.replace(tzinfo=None)),
        (Literal["a", 1], 1),
        (Annotated[int, Field(gt=3)], 4),
        (Any, {"a": [1, None, "x"]}),
    ],
)
def test_a_value_of_the_right_type_comes_back_equal(annotation: Any, value: Any) -> None:
    form = AnnotationForm(annotation)
    stored = form.stored(value)
    text = json.dumps(stored, allow_nan=False)
    back = form.rebuilt(json.loads(text))
    assert back == value
    assert type(back) is type(value)
    assert form.rebuilt(stored) is not back or not isinstance(back, list | dict | set)


@pytest.mark.parametrize(
    ("annotation", "given", "made"),
    [
        (date, "2024-02-29", DAY),
        (datetime, "2024-02-29T12:00:00Z", NOON),
        (int, "5", 5),
        (float, 1, 1.0),
        (Decimal, "1.10", Decimal("1.10")),
        (Colour, "red", Colour.RED),
        (bytes, "_wA=", b"\xff\x00"),
        (bytes, "/wA=", b"\xff\x00"),
        (set[int], [1, 2], {1, 2}),
        (Parcel, {"content": "_w==", "when": "2024-02-29T12:00:00Z"}, Parcel(b"\xff", NOON)),
        (Order, {"total": "2.50", "tags": ["a"]}, Order(total=Decimal("2.50"), tags={"a"})),
        (list[date], (DAY, "2024-02-29"), [DAY, DAY]),
        (Parcels, {"theCount": "3"}, Parcels(theCount=3)),
        (typing.Sequence[int], (1, 2), [1, 2]),
        (Sequence[date] | None, (DAY,), [DAY]),
        (typing.Iterable[int], (1, "2"), [1, 2]),
        (Iterable[date] | None, {DAY}, [DAY]),
        (Annotated[Iterable[int], Field(min_length=1)], [1], [1]),
        (dict[str, Any], {"a": (1, 2)}, {"a": [1, 2]}),
        (Parcel, {"content": b"\xff", "when": NOON}, Parcel(b"\xff", NOON)),
    ],
)
def test_json_and_near_values_become_what_the_annotation_names(
    annotation: Any, given: Any, made: Any
) -> None:
    form = AnnotationForm(annotation)
    assert form.rebuilt(form.stored(given)) == made


@pytest.mark.parametrize(
    ("annotation", "value", "why"),
    [
        (int, "five", "valid integer"),
        (str, 5, "valid string"),
        (date, "soon", "valid date"),
        (Colour, "blue", "should be 'red'"),
        (Annotated[int, Field(gt=3)], 3, "greater than 3"),
        (Order, {"tags": []}, "total: Field required"),
        (Parcels, {"count": 3}, "theCount: Field required"),
        (Iterable[int], ["a"], "valid integer"),
        (float, float("nan"), "JSON has no NaN"),
        (float | None, float("inf"), "JSON has no NaN"),
        (str, "\ud800", "half a surrogate pair"),
        (str, "a\0", "NUL"),
        (list[str], ["a\0"], r"NUL character at \[0\]"),
        (SecretStr, SecretStr("hunter2"), "would not come back"),
        (Order | Offer, Offer(total=Decimal(1)), "of this Offer JSON makes a Order"),
        (list, [DAY], "would not come back"),
        (typing.Callable, print, "has no JSON form"),
        (Any, DAY, "holds a value of type date, and JSON does not know that"),
        (Any, object(), "holds a value of type object"),
        (Any, {1: 2}, "has a key of type int"),
        (Any, [float("nan")], r"nan at \[0\]"),
        (object, {"a": {"b": {1}}}, r"holds a value of type set at \['a'\]\['b'\]"),
        (zoneinfo.ZoneInfo | int, 1.5, "valid"),
    ],
)
def test_what_does_not_fit_is_refused_without_showing_the_value(
    annotation: Any, value: Any, why: str
) -> None:
    with pytest.raises(MismatchError, match=why) as refused:
        AnnotationForm(annotation).stored(value)
    assert "hunter2" not in str(refused.value)


def test_a_class_that_is_no_type_of_json_takes_json_as_it_is() -> None:
    class Client: ...

    form = AnnotationForm(Client)
    assert form.is_plain
    assert form.stored({"a": (1,)}) == {"a": [1]}
    with pytest.raises(MismatchError, match="holds a value of type Client"):
        form.stored(Client())


def test_what_nothing_compares_is_compared_by_what_it_holds() -> None:
    form = AnnotationForm(list[Identity])
    assert form.rebuilt(form.stored([Identity(4)]))[0].number == 4


def test_an_hour_that_is_there_twice_keeps_its_offset() -> None:
    form = AnnotationForm(datetime)
    for fold in (0, 1):
        moment = datetime(2025, 10, 26, 2, 30, tzinfo=BERLIN, fold=fold)
        assert form.rebuilt(form.stored(moment)).isoformat() == moment.isoformat()


def test_a_validator_that_breaks_refuses_the_value() -> None:
    class Broken(BaseModel):
        number: int

        def __init__(self, **_: Any) -> None:
            raise RuntimeError("broken")

    with pytest.raises(MismatchError, match="cannot be checked"):
        AnnotationForm(Annotated[Broken, Field()]).stored({"number": 1})


def test_too_deep_and_circular_values_are_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (circle, deep):
        for annotation in (Any, list):
            with pytest.raises(MismatchError):
                AnnotationForm(annotation).stored(value)


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (str, "12345", "12345"),
        (str, '"Ada"', "Ada"),
        (int, "12345", 12345),
        (date, "2024-02-29", "2024-02-29"),
        (Decimal, "1.10", "1.10"),
        (str | None, "null", None),
        (Any, "[1]", [1]),
        (Any, "hello", "hello"),
        (Any, "NaN", "NaN"),
    ],
)
def test_a_written_parameter_is_json_or_text(annotation: Any, text: str, value: Any) -> None:
    assert AnnotationForm(annotation).read(text) == value
