"""Writes to a ledger that may be unavailable for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from rota.core.ports.clock import Clock
from rota.core.ports.ledger import Ledger, Transaction
from rota.errors import LedgerError, LedgerValueError
from rota.logs import queued

T = TypeVar("T")

logger = queued("rota.ledger")

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 1.0


class LedgerGateway:
    """The service loop's access to the ledger; `trouble` says since when and why the ledger is
    unavailable.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._unwritten = 0  # operations of `until_done` that have failed so far
        self.trouble: tuple[float, str] | None = None  # monotonic seconds, the last error

    async def once(self, operation: Callable[[Transaction], T], *, changes: bool = True) -> T:
        """Run an operation and return when it is durable; raises LedgerError.

        `changes` says that it surely writes, so that its success shows that the ledger is back. A
        full or a read-only ledger accepts operations that change nothing.
        """
        try:
            result = await asyncio.wrap_future(self._ledger.write(operation))
        except LedgerValueError:  # it is there
            raise
        except LedgerError as error:
            self._set_trouble(error)
            raise
        if self.trouble is not None and changes:
            away = self._clock.monotonic() - self.trouble[0]
            logger.warning("The ledger is back; it was away for %.1f s", away)
            self.trouble = None
        return result

    async def until_done(self, operation: Callable[[Transaction], T]) -> T:
        """Repeat an operation until it is durable: what happened must be written.

        Raises LedgerValueError if it can never be written.
        """
        try:
            return await self.once(operation)
        except LedgerValueError:
            raise
        except LedgerError:
            self._unwritten += 1
        try:
            return await self._until_done(operation)
        finally:
            self._unwritten -= 1

    async def _until_done(self, operation: Callable[[Transaction], T]) -> T:
        pause = FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            try:
                return await self.once(operation)
            except LedgerValueError:
                raise
            except LedgerError as error:  # logged once, by `_set_trouble`
                logger.debug("It is still away: %s", error)

    async def until_back(self) -> None:
        """Return when the ledger is back, which at least the heartbeat tries all the time, and what
        happened before is written: runs that ended meanwhile are then no longer running.
        """
        while self.trouble is not None or self._unwritten:  # noqa: ASYNC110  # not one event
            await asyncio.sleep(FIRST_PAUSE)

    def _set_trouble(self, error: LedgerError) -> None:
        if self.trouble is None:
            logger.error(
                "The ledger is unavailable; runs continue, and are written on its return: %s", error
            )
        since = self.trouble[0] if self.trouble else self._clock.monotonic()
        self.trouble = (since, str(error))
