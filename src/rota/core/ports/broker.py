"""What carries runs to workers on other machines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class Message(NamedTuple):
    """What an engine carries: a run, and the lane on which somebody is free for it. Whoever gets
    it asks the ledger what is true of the run."""

    run_id: str
    lane: str
    priority: int


class Broker(Protocol):
    """Carries messages to nodes that are free. It may lose, repeat, delay or reorder them: who may
    do what is decided by the ledger."""

    def open(self) -> None:
        """Make ready what it needs; raises EngineError."""

    @property
    def in_ledger(self) -> bool:
        """Say whether `publish` writes in the ledger's own transaction."""

    def publish(self, messages: Sequence[Message], connection: Any) -> None:
        """Send messages: on the ledger's connection (DBAPI, in a transaction) where it is
        `in_ledger`, else by itself; raises EngineError where they may not have been sent."""

    async def carry(
        self, lanes: Mapping[str, int], execute: Callable[[str], Awaitable[None]]
    ) -> None:
        """Await `execute(run_id)` for each message on these lanes, and on none for more at once
        than it says; a message is done when that returns, and carried anew where this process
        dies before. For ever; cancelled, it takes no more and returns when those under way have
        returned. Raises EngineError where it cannot go on."""

    def waiting(self, lanes: Collection[str]) -> int:
        """Return how many messages of these lanes nobody has taken; raises EngineError."""
