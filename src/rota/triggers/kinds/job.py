"""The trigger of a job: none of its runs is due by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rota.core.task import JOB
from rota.core.time import Instant
from rota.triggers.kinds.kind import ZONE, Args, Reading, TriggerKind


@dataclass(frozen=True, slots=True)
class JobTrigger:
    """No instant at all."""

    kind: ClassVar[str] = JOB
    jitter: ClassVar[Instant] = 0
    end: ClassVar[Instant | None] = None

    timezone: str

    def next_after(self, after: Instant) -> Instant | None:
        """Return None: there is no next instant."""
        return None

    def last_before(self, at: Instant) -> Instant | None:
        """Return None: there was no instant."""
        return None


def read(reading: Reading) -> JobTrigger:
    """Return the trigger of the arguments; raises TriggerError."""
    where = reading.zone()
    reading.finish()
    return JobTrigger(where.key)


def words(rule: JobTrigger, args: Args) -> str:
    """Describe the trigger."""
    return "when it is enqueued"


KIND = TriggerKind(
    name=JOB,
    meaning="when it is enqueued: the kind of a task that names no trigger",
    arguments=ZONE,
    example={},
    read=read,
    words=words,
)
