"""Awaiting the results of calls in a worker process that return awaitables."""

from __future__ import annotations

from collections.abc import Awaitable
from contextvars import copy_context
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


class Loop:
    """The event loop of a worker process, created when it is first needed and kept.

    Locks and pools of a module that belong to the loop stay valid from one run to the next.
    Between two runs the loop does not run.
    """

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def awaited(self, result: Any) -> Any:
        """Return the result of a call; an awaitable is awaited first."""
        while isawaitable(result):
            result = self._kept().run(_await(result), context=copy_context())
        return result

    def close(self) -> None:
        """Cancel the tasks that are left on the loop, and close it."""
        if self._runner is not None:
            self._runner.close()

    def _kept(self) -> asyncio.Runner:
        import asyncio  # only if needed: it doubles the start-up time of a worker process

        if self._runner is None or self._runner.get_loop().is_closed():
            self._runner = asyncio.Runner()
        return self._runner


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
