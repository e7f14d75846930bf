"""The date trigger: once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rota.core.time import Instant


@dataclass(frozen=True, slots=True)
class DateTrigger:
    """The one instant `instant`."""

    kind: ClassVar[str] = "date"
    jitter: ClassVar[Instant] = 0
    end: ClassVar[Instant | None] = None

    instant: Instant
    timezone: str

    def next_after(self, after: Instant) -> Instant | None:
        """Return the instant if it lies strictly after `after`."""
        return self.instant if self.instant > after else None

    def last_before(self, at: Instant) -> Instant | None:
        """Return the instant if it lies at or before `at`."""
        return self.instant if self.instant <= at else None
