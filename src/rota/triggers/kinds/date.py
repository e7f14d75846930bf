"""The date trigger: once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rota.core.time import Instant
from rota.errors import TriggerError
from rota.triggers.dst import Zone
from rota.triggers.kinds.kind import ZONE, Args, Reading, TriggerKind
from rota.triggers.words import moment
from rota.triggers.zones import read_moment


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


def read(reading: Reading) -> DateTrigger:
    """Return the trigger of the arguments; raises TriggerError."""
    where = reading.zone()
    instant = reading.read(0, _run_date, reading.args, where)
    reading.finish()
    return DateTrigger(instant, where.key)


def _run_date(args: Args, where: Zone) -> Instant:
    if "run_date" not in args:
        raise TriggerError(
            "A date trigger needs its run_date.",
            field="run_date",
            remedy="Write one like run_date='2030-01-31 09:00'.",
        )
    return read_moment("run_date", args["run_date"], where)


def words(rule: DateTrigger, args: Args) -> str:
    """Describe the trigger, with its zone."""
    return f"once, at {moment(rule.instant, rule.timezone)}, {rule.timezone}"


KIND = TriggerKind(
    name="date",
    meaning="once",
    arguments={"run_date": "the moment: a text, a date or a datetime", **ZONE},
    example={"run_date": "2030-01-31 09:00"},
    read=read,
    words=words,
    names_moment=lambda _: True,
    is_single=lambda _: True,
)
