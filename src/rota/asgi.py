"""rota within an ASGI application, for as long as that one runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from rota.logs import queued

if TYPE_CHECKING:
    from rota.manager import TaskManager

logger = queued("rota.node")


def lifespan(
    task_manager: TaskManager | None = None, *, discover: bool = True
) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """Return a lifespan for FastAPI, Starlette and the like: it loads the tasks directory, starts
    the task manager, by default that of this process, and shuts it down at the end.

    Mistakes in task files are logged, and the correct tasks run; with `discover=False` no file is
    loaded. Within a lifespan of your own: `async with rota.lifespan()(app): yield`. The application
    does not start if the ledger cannot be used (LedgerError).
    """

    @asynccontextmanager
    async def running(_: object) -> AsyncIterator[None]:
        from rota.manager import Manager

        manager = task_manager or Manager.task_manager
        if discover:
            for error in manager.discover().errors:  # here: files are imported on this thread
                logger.error("%s", error)
        lent = manager.config.manager.task_loop == "application"
        loop = asyncio.get_running_loop() if lent else None
        try:
            await asyncio.to_thread(manager.start, loop=loop)
            yield
        finally:
            await asyncio.to_thread(manager.shutdown)

    return running
