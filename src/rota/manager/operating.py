"""The verbs of operators: compare the record with the rules, and drain nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from rota.core.ports.records import NodeRecord
from rota.core.time import DAY, Instant, from_datetime, seconds
from rota.core.verification.findings import Finding
from rota.engine.upkeep.verifying import Question, planners_of, verify
from rota.errors import StateError, UnknownNodeError, nearest
from rota.manager.base import ManagerBase
from rota.task_api.actor import actor


class VerifyVerbs(ManagerBase):
    """The verbs that check the record as a whole."""

    def verify(self, since: datetime | timedelta | None = None) -> list[Finding]:
        """Compare the record with what the triggers, pauses and edits require, and return every
        disagreement: nothing, if all is sound.

        `since` is a time or how long ago (default: `manager.retention_days`). Raises LedgerError.
        """
        now = self._now()
        match since:
            case None:
                begin = now - round(self.config.manager.retention_days * DAY)
            case timedelta():
                begin = now - seconds(since.total_seconds())
            case _:
                begin = from_datetime(since)
        return list(self.verifying(begin))

    def verifying(
        self, since: Instant, *, pause: Callable[[], None] = lambda: None
    ) -> Iterator[Finding]:
        """Yield every disagreement since an instant, as it is found; raises LedgerError.

        `pause` is called between two pages of rows; what it raises ends the verification.
        """
        history, engine = self._synced_history(), self.services.engine
        planners = planners_of(
            engine.registry, history.nodes(), engine.identity.id, engine.identity.generation
        )
        return verify(history.evidence, Question(self._now(), since, planners, pause=pause))


class NodeVerbs(ManagerBase):
    """Drains nodes."""

    def drain_node(self, node: str, *, reason: str = "") -> NodeRecord:
        """Keep a node, named by its id or its name, from taking new runs: what it runs may end, and
        other nodes take the rest. Returns the node as it is then.

        The node hears of it with its next heartbeat, after a third of `cluster.lease_seconds` at
        most. It lasts until `undrain_node`, or until the node starts again. A repeated call changes
        nothing. Raises UnknownNodeError, and StateError for a node that a broker delivers to.
        """
        return self._drain(node, True, reason)

    def undrain_node(self, node: str, *, reason: str = "") -> NodeRecord:
        """Let a drained node take new runs again; does nothing for another one. Raises
        UnknownNodeError.
        """
        return self._drain(node, False, reason)

    def _drain(self, node: str, on: bool, reason: str) -> NodeRecord:
        found = self._living(node)
        if on and found.info.get("broker"):
            raise StateError(
                f"A broker delivers to node {found.name}: it cannot be drained.",
                remedy="Stop it with SIGTERM: it gives back what it has not begun.",
            )
        by, now, id = actor(), self._now(), found.id
        self._write(lambda tx: tx.drain(id, now, on=on, reason=reason, by=by))
        engine = self.services.engine
        if engine.is_running:
            engine.heartbeat.wake.set()
        return self._living(id)

    def _living(self, node: str) -> NodeRecord:
        living = [one for one in self.history.nodes() if one.state in ("up", "draining")]
        found = [one for one in living if node in (one.id, one.name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownNodeError(
                f"{len(found)} nodes have the name {node[:100]!r}.",
                remedy="Write the id of one: `rota nodes` lists them.",
            )
        raise UnknownNodeError(
            f"No living node has the id or the name {node[:100]!r}.",
            remedy=nearest(node, [one.name for one in living]) or "`rota nodes` lists them.",
        )
