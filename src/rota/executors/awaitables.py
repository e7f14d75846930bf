"""Calls in a worker process that turn out to be coroutines."""

from __future__ import annotations

from collections.abc import Awaitable
from contextvars import copy_context
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


class Loop:
    """The event loop of a worker process, made when it is first needed, and kept: locks and pools
    of a module that belong to it hold from one run to the next. Between two runs it stands still.
    """

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def awaited(self, result: Any) -> Any:
        """Return what a call gave; if that can be awaited, what comes of it."""
        while isawaitable(result):
            result = self._kept().run(_await(result), context=copy_context())
        return result

    def close(self) -> None:
        """Cancel what is left on it, and end it."""
        if self._runner is not None:
            self._runner.close()

    def _kept(self) -> asyncio.Runner:
        import asyncio  # only where it is needed: it would double the start of a worker process

        if self._runner is None or self._runner.get_loop().is_closed():
            self._runner = asyncio.Runner()
        return self._runner


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
