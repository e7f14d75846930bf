"""The functions of `tasks` as coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from rota.task_api.current_run import current_run
from rota.task_api.once import once
from tests.conformance.executors import tasks


async def nothing() -> None:
    pass


async def add(a: int, b: int = 0) -> int:
    await asyncio.sleep(0)
    return a + b


async def give(kind: str) -> Any:
    return tasks.give(kind)


async def confuse() -> None:
    tasks.confuse()


async def collect(when: date, seen: list[str]) -> list[str]:
    return tasks.collect(when, seen)


async def fail(message: str) -> None:
    tasks.fail(message)


async def raise_odd(name: str) -> None:
    await asyncio.sleep(0)
    tasks.raise_odd(name)


async def overflow() -> None:
    await overflow()


async def generate() -> AsyncIterator[int]:
    yield 1


async def obey() -> None:
    current_run().progress(0)
    await asyncio.Event().wait()


async def ignore(gate: str) -> str:
    current_run().progress(0)
    path = Path(gate)
    while not path.exists():  # noqa: ASYNC240 - it is quick
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.002)
    return "at last"


async def tell_all() -> list[Any]:
    return tasks.tell_all()


async def tell_times() -> list[str | None]:
    return tasks.tell_times()


async def tell_upstream() -> list[Any]:
    return tasks.tell_upstream()


async def ask_to(
    kind: str, reason: str = "", after: float | None = None, free: bool = False
) -> None:
    tasks.ask_to(kind, reason, after, free)


async def ask_while_handling() -> None:
    tasks.ask_while_handling()


async def ask_in_a_group() -> None:
    tasks.ask_in_a_group()


async def report() -> None:
    tasks.report()


async def remember(value: Any) -> list[Any]:
    return tasks.remember(value)


async def remember_object() -> None:
    tasks.remember_object()


async def do_once(journal: str, error: str = "") -> list[Any]:
    first = await once("first", _note, journal, "first", (1, 2))
    again = await once("first", _note, journal, "again")
    second = await once("second", _note, journal, "second", error=error)
    return [first, again, second]


async def _note(journal: str, word: str, value: Any = None, *, error: str = "") -> Any:
    await asyncio.sleep(0)
    return tasks._note(journal, word, value, error=error)


async def once_object() -> None:
    async def give() -> object:
        return object()

    await once("k", give)


async def speak(word: str, times: int) -> None:
    for number in range(times):
        tasks.speak(f"{word} {number}", 1)
        await asyncio.sleep(0)


async def log_exception() -> None:
    tasks.log_exception()
