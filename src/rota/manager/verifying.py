"""The verb that compares the record with the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from rota.core.time import DAY, Instant, from_datetime, seconds
from rota.core.verification.findings import Finding
from rota.engine.upkeep.verifying import Question, planners_of, verify
from rota.manager.base import ManagerBase


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
