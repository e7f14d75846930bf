"""Writes the output of running attempts into the ledger: lines and progress."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from rota.core.ports.ledger import Transaction
from rota.core.run import LogLine
from rota.engine.context import NodeContext
from rota.engine.health.turning import rest
from rota.engine.running.reporter import RunReporter
from rota.runtime.cadence import until_beat


class LogFlusher:
    """Writes four times a second what all attempts have output since, in one write.

    A reporter with unwritten output sends `output_waiting`.
    """

    def __init__(self, context: NodeContext) -> None:
        self._gateway = context.gateway
        self._waiting: deque[RunReporter] = deque()
        context.signals.output_waiting.connect(self._waiting.append)

    async def run(self) -> None:
        """Flush until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await rest(until_beat(loop.time()))
            if self._waiting:
                await self.flush()

    async def flush(self) -> None:
        """Write what there is, and return when it is durable."""
        lines: list[LogLine] = []
        progress: list[tuple[str, int, dict[str, Any]]] = []
        for _ in range(len(self._waiting)):
            reporter = self._waiting.popleft()
            new, value = reporter.take()
            lines += new
            if value is not None:
                progress.append((reporter.run_id, reporter.fence, value))

        def write(tx: Transaction) -> None:
            if lines:
                tx.log(lines)
            for run_id, fence, value in progress:
                tx.progress(run_id, fence, value)

        if lines or progress:
            await self._gateway.until_done(write)
