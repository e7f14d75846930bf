"""Which arguments a function takes, of whatever kind it is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from rota.definitions.arguments import MOST_BYTES, ArgumentMismatch, parameters_of
from rota.errors import UnstartableError

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]

DAY = date(2024, 2, 29)


def every_kind(
    first: date, /, second: Unknown = None, *rest: date, named: int = 1, **more: UUID
) -> None: ...


def on(day: date, note: str = None) -> None: ...  # type: ignore[assignment]  # noqa: RUF013


def plainly(func: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapper


class Callables:
    def method(self, day: date) -> None: ...

    @classmethod
    def of_class(cls, day: date) -> None: ...

    @staticmethod
    def of_none(day: date) -> None: ...

    async def __call__(self, day: date) -> None: ...


class Unhashable(Callables):
    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    "func",
    [
        on,
        plainly(on),
        functools.partial(on, note="x"),
        lambda day: day,
        Callables(),
        Callables().method,
        Callables.of_class,
        Callables.of_none,
        Unhashable(),
        Unhashable().method,
    ],
    ids=range(10),
)
def test_the_parameters_of_every_kind_of_callable_are_known(func: Any) -> None:
    for _ in range(2):
        parameters = parameters_of(func)
        assert parameters.mismatches((), {"day": 1}) == []
        [misfit] = parameters.mismatches((), {"day": 1, "dya": 2})
        assert misfit == ArgumentMismatch(
            "dya", "got an unexpected keyword argument 'dya'", "Did you mean 'day'?"
        )
    if not (isinstance(func, type(on)) and func.__name__ == "<lambda>"):
        assert parameters.stored((), {"day": DAY}, []) == ((), {"day": "2024-02-29"})
        assert parameters.rebuilt((), {"day": "2024-02-29"}) == ([], {"day": DAY})


def test_each_kind_of_parameter_has_its_form() -> None:
    parameters = parameters_of(every_kind)
    args, kwargs = (DAY, [1], DAY), {"named": "2", "other": UUID(int=1)}
    mismatches: list[ArgumentMismatch] = []
    stored = parameters.stored(args, kwargs, mismatches)
    assert mismatches == []
    assert stored == (
        ("2024-02-29", [1], "2024-02-29"),
        {"named": 2, "other": "00000000-0000-0000-0000-000000000001"},
    )
    assert parameters.rebuilt(*stored) == (
        [DAY, [1], DAY],
        {"named": 2, "other": UUID(int=1)},
    )


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        ((), {}, ["missing a required argument: 'day'"]),
        ((1, 2, 3), {}, ["too many positional arguments"]),
        ((1,), {"day": 2}, ["multiple values for argument 'day'"]),
        (
            (),
            {"a": 1, "b": 2},
            [
                "got an unexpected keyword argument 'a'",
                "got an unexpected keyword argument 'b'",
                "missing a required argument: 'day'",
            ],
        ),
    ],
)
def test_all_mistakes_of_a_form_are_reported_at_once(
    args: Any, kwargs: Any, said: list[str]
) -> None:
    assert [one.what for one in parameters_of(on).mismatches(args, kwargs)] == said


def test_what_is_positional_only_cannot_be_named() -> None:
    def only(first: int, /) -> None: ...

    found = parameters_of(only).mismatches((), {"first": 1})
    assert found[0].what == "'first' is positional only and was passed by name"


def test_a_default_of_none_allows_none() -> None:
    stored = parameters_of(on).stored((), {"day": DAY, "note": None}, [])
    assert parameters_of(on).rebuilt(*stored)[1] == {"day": DAY, "note": None}


def test_all_values_without_json_are_reported_at_once() -> None:
    mismatches: list[ArgumentMismatch] = []
    parameters_of(on).stored(("soon",), {"note": 5}, mismatches)
    assert [one.name for one in mismatches] == ["day", "note"]
    assert mismatches[0].what.startswith("does not fit datetime.date: ")


def _unkept(func: Any, arguments: Any) -> list[ArgumentMismatch]:
    mismatches: list[ArgumentMismatch] = []
    parameters_of(func).stored((), arguments, mismatches)
    return mismatches


class Client: ...


def test_an_annotation_of_which_only_json_is_kept_is_named() -> None:
    def take(bare, client: Client, made: range): ...  # type: ignore[no-untyped-def]

    bare, client, made = _unkept(take, {"bare": Client(), "client": Client(), "made": range(3)})
    assert bare.remedy == "Annotate 'bare': only JSON is kept of what has no annotation."
    assert "Client only JSON is kept: annotate 'client' as a dataclass" in client.remedy
    assert client.remedy.startswith("Of ")
    assert made.remedy.startswith("Of range only JSON is kept")


@pytest.mark.parametrize(("over", "count"), [(0, 0), (1, 1)])
def test_arguments_have_a_limit_together(over: int, count: int) -> None:
    def take(a: Any, b: Any) -> None: ...

    mismatches: list[ArgumentMismatch] = []
    frame = len('[[], {"a": "", "b": ""}]')
    half = "x" * ((MOST_BYTES - frame) // 2)
    rest = "x" * (MOST_BYTES - frame - len(half) + over)
    parameters_of(take).stored((), {"a": half, "b": rest}, mismatches)
    assert len(mismatches) == count
    [misfit] = _unkept(take, {"a": 10**5000, "b": 1})
    assert "more digits" in misfit.what


def test_the_function_is_shown_as_it_is_written() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    def take(day: date, odd: Any = Odd()) -> None: ...  # noqa: B008

    assert str(parameters_of(on)) == "on(day: date, note: str = None)"
    assert str(parameters_of(take)) == "take(day, odd)"


def test_what_is_stored_and_fits_no_more_cannot_be_started() -> None:
    with pytest.raises(UnstartableError) as refused:
        parameters_of(on).rebuilt((), {"day": "soon", "hour": 1})
    assert "unexpected keyword argument 'hour'; day does not fit" in str(refused.value)


def test_a_built_in_without_a_signature_takes_json() -> None:
    class Untold:
        __signature__ = "none"

        def __call__(self, *args: Any) -> None: ...

    parameters = parameters_of(Untold())
    assert parameters.mismatches((1,), {"a": 1}) == []
    assert parameters.stored((1,), {"a": [1]}, []) == ((1,), {"a": [1]})


def test_what_does_not_fit_is_refused_after_what_did() -> None:
    parameters = parameters_of(on)
    for _ in range(2):
        assert parameters.mismatches((DAY,), {"note": "a"}) == []
        for args, kwargs, name in (
            ((DAY,), {"notes": "a"}, "notes"),
            ((DAY,), {"day": DAY}, "day"),
            ((), {"note": "a"}, "day"),
        ):
            assert [one.name for one in parameters.mismatches(args, kwargs)] == [name]
