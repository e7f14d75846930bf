"""What a function is decides where it runs; what is no function is refused with a remedy."""

from __future__ import annotations

import functools
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from typing import Any

import pytest

from rota.config.sections import ManagerSection
from rota.core.task import ExecutorName
from rota.definitions.define import define
from rota.errors import RotaError

DEFAULTS = ManagerSection()


def plain() -> None: ...


async def coroutine() -> None: ...


def needy(number: int, *, unit: str = "s") -> None: ...


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


class Callables:
    """Callable things of every kind."""

    def __call__(self) -> None: ...

    async def method(self) -> None: ...


class AsyncCallable:
    """An object that is called like a coroutine function."""

    async def __call__(self) -> None: ...


@functools.wraps(coroutine)
def wrapper() -> Any:
    return coroutine()


def executor_of(func: Callable[..., Any], **options: Any) -> ExecutorName:
    return define(func, "cron", "x", {"hour": 9, **options}, defaults=DEFAULTS).executor


def refusal(func: Any, **options: Any) -> str:
    with pytest.raises(RotaError) as caught:
        define(func, "cron", "x", {"hour": 9, **options}, defaults=DEFAULTS)
    return str(caught.value)


@pytest.mark.parametrize(
    ("func", "executor"),
    [
        (plain, ExecutorName.THREAD),
        (coroutine, ExecutorName.ASYNC),
        (functools.partial(coroutine), ExecutorName.ASYNC),
        (functools.partial(functools.partial(needy, 3), unit="h"), ExecutorName.THREAD),
        (Callables(), ExecutorName.THREAD),
        (Callables().method, ExecutorName.ASYNC),
        (AsyncCallable(), ExecutorName.ASYNC),
        (gc.collect, ExecutorName.THREAD),
        # It may hand the coroutine on or have run it: a thread takes both, the loop only one.
        (wrapper, ExecutorName.THREAD),
    ],
)
def test_the_executor_follows_from_the_function(
    func: Callable[..., Any], executor: ExecutorName
) -> None:
    assert executor_of(func) is executor


def test_a_wrapper_may_be_sent_to_the_loop() -> None:
    assert executor_of(wrapper, executor="async") is ExecutorName.ASYNC


@pytest.mark.parametrize(
    ("func", "path"),
    [
        (plain, "plain"),
        (functools.partial(plain), "plain"),
        (Callables().method, "Callables.method"),
        (Callables(), "Callables"),
    ],
)
def test_a_function_is_known_by_module_and_name(func: Callable[..., Any], path: str) -> None:
    made = define(func, "cron", "x", {"hour": 9}, defaults=DEFAULTS)
    assert made.func_path == f"{__name__}:{path}"


@pytest.mark.parametrize(
    ("func", "said"),
    [
        ("plain", "'plain' is not a function. Name the function itself, without quotes."),
        (None, "None is not a function."),
        (5, "5 is not a function."),
        (Callables, "is a class, not a function."),
        (generator, "is a generator: calling it runs nothing."),
        (async_generator, "is a generator: calling it runs nothing."),
        (generator(), "is the result of a call. Name the function without ()."),
        (needy, "missing a required argument: 'number'"),
    ],
)
def test_what_cannot_be_called_is_refused(func: Any, said: str) -> None:
    assert said in refusal(func)


def test_a_coroutine_object_is_refused_and_closed() -> None:
    made = coroutine()
    assert "is the result of a call. Name the function without ()." in refusal(made)
    with pytest.raises(RuntimeError, match="cannot reuse"):
        made.send(None)


def test_arguments_are_checked_against_the_signature() -> None:
    made = define(
        needy, "cron", "x", {"hour": 9, "args": [3], "kwargs": {"unit": "h"}}, defaults=DEFAULTS
    )
    assert (made.args, made.kwargs) == ((3,), {"unit": "h"})
    assert "got an unexpected keyword argument 'unti'" in refusal(
        needy, args=[3], kwargs={"unti": "h"}
    )
    assert "too many positional arguments" in refusal(plain, args=[3])


def test_an_executor_that_does_not_fit_is_refused() -> None:
    assert "is no coroutine function. Write `async def`" in refusal(plain, executor="async")
    assert "is a coroutine function. Write `def`" in refusal(coroutine, executor="thread")


def test_a_process_needs_what_another_process_can_import() -> None:
    def inner() -> None: ...

    assert executor_of(plain, executor="process") is ExecutorName.PROCESS
    assert executor_of(coroutine, executor="process") is ExecutorName.PROCESS
    assert "a lambda has no name" in refusal(lambda: None, executor="process")
    assert "made inside of another function" in refusal(inner, executor="process")
    assert "gives another object" in refusal(functools.partial(plain), executor="process")


def test_arguments_are_kept_as_the_annotations_say() -> None:
    def on(day: date, tags: set[str]) -> None: ...

    made = define(
        on,
        "cron",
        "x",
        {"hour": 9, "args": [date(2024, 2, 29)], "kwargs": {"tags": {"a"}}},
        defaults=DEFAULTS,
    )
    assert (made.args, made.kwargs) == (("2024-02-29",), {"tags": ["a"]})
    said = refusal(needy, args=[object()])
    assert "args: 'number' of needy(" in said
    assert "does not fit int: Input should be a valid integer" in said
    assert "does not fit datetime.date: " in refusal(on, args=["soon", []])


def test_the_default_executor_gives_way_where_it_does_not_fit() -> None:
    threads = ManagerSection(executor="thread")
    assert define(coroutine, "cron", "x", {"hour": 9}, defaults=threads).executor is (
        ExecutorName.ASYNC
    )
    processes = ManagerSection(executor="process")
    assert define(plain, "cron", "x", {"hour": 9}, defaults=processes).executor is (
        ExecutorName.PROCESS
    )
