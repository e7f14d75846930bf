"""The broker: it carries runs to workers on other machines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class Message(NamedTuple):
    """A message of a broker: a run, and the lane that has a free slot for it. The receiver asks the
    ledger for the state of the run.
    """

    run_id: str
    lane: str
    priority: int


class Broker(Protocol):
    """Carries messages to nodes that are free. It may lose, repeat, delay or reorder them: the
    ledger decides which node may run what.
    """

    def open(self) -> None:
        """Prepare what the broker needs; raises EngineError."""

    @property
    def in_ledger(self) -> bool:
        """Return whether `publish` writes in the ledger's own transaction."""

    def publish(self, messages: Sequence[Message], connection: Any) -> None:
        """Send messages. If the broker is `in_ledger`, they are sent on the ledger's connection
        (DBAPI, in a transaction), else separately. Raises EngineError if they may not have been
        sent.
        """

    async def carry(
        self, lanes: Mapping[str, int], execute: Callable[[str], Awaitable[None]]
    ) -> None:
        """Await `execute(run_id)` for each message on these lanes, at once for at most as many
        messages of a lane as its number. A message is done when `execute` returns. If this process
        dies before, the message is delivered again. Runs until it is cancelled; it then takes no
        more messages, and returns when those in progress have returned. Raises EngineError if it
        cannot continue.
        """

    def waiting(self, lanes: Collection[str]) -> int:
        """Return how many messages of these lanes no worker has taken; raises EngineError."""
