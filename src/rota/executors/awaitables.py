"""Plain calls that turn out to be coroutines."""

from __future__ import annotations

from collections.abc import Awaitable
from inspect import isawaitable
from typing import Any


def awaited(result: Any) -> Any:
    """Return what a call gave; if that can be awaited, what comes of it, on a loop of its own.

    So an `async def` in disguise (behind a decorator) is run, never taken for a success.
    """
    while isawaitable(result):
        import asyncio  # only where it is needed: it would double the start of a worker process

        result = asyncio.run(_await(result))
    return result


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
