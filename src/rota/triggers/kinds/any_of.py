"""The trigger of several: what any of them names; an instant that two name is one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar

from rota.core.time import Instant
from rota.core.trigger import Trigger
from rota.errors import TriggerError
from rota.triggers.kinds.kind import BOUNDS, Args, Reading, TriggerKind
from rota.triggers.words import bounds_in_words, delay

_MOMENT = re.compile("run_date|start_date|dtstart|once, at|counted from [0-9]")
"""What a definition that names a moment has in it; one that has it need not name one."""


@dataclass(frozen=True, slots=True)
class AnyTrigger:
    """The instants of the rules from `start` to `end`, both included."""

    kind: ClassVar[str] = "any"

    rules: tuple[Trigger, ...]
    timezone: str
    start: Instant | None
    end: Instant | None
    jitter: Instant
    words: tuple[str, ...] = field(compare=False)  # of the rules

    def next_after(self, after: Instant) -> Instant | None:
        """Return the first instant strictly after `after`."""
        if self.start is not None and after < self.start:
            after = self.start - 1
        found = [one for rule in self.rules if (one := rule.next_after(after)) is not None]
        instant = min(found, default=None)
        if instant is None or (self.end is not None and instant > self.end):
            return None
        return instant

    def last_before(self, at: Instant) -> Instant | None:
        """Return the last instant at or before `at`."""
        if self.end is not None and at > self.end:
            at = self.end
        found = [one for rule in self.rules if (one := rule.last_before(at)) is not None]
        instant = max(found, default=None)
        if instant is None or (self.start is not None and instant < self.start):
            return None
        return instant


def read(reading: Reading) -> AnyTrigger:
    """Return the trigger of the arguments; raises TriggerError."""
    members: tuple[tuple[Trigger, str], ...] = ()
    if "of" in reading.args:
        members = reading.definitions("of", reading.args["of"])
    elif not reading.errors:
        reading.errors.append(
            TriggerError(
                "A trigger of several needs them.",
                field="of",
                remedy="Write of=[{'crontab': '0 9 * * *'}, {'trigger': 'interval', 'hours': 5}].",
            )
        )
    bounds = reading.bounds()
    reading.finish()
    rules, said = tuple(rule for rule, _ in members), tuple(words for _, words in members)
    zone = bounds.zone.key
    found = AnyTrigger(rules, zone, bounds.start, bounds.end, bounds.jitter, said)
    if found.next_after(-(1 << 62)) is None:
        raise TriggerError(
            "It can never fire: start_date and end_date leave every time of it out.",
            field="of",
            remedy="Look at these together.",
        )
    return found


def words(rule: AnyTrigger, args: Args) -> str:
    """Describe each of the rules, and what holds of all."""
    each = " or ".join(f"({one})" for one in rule.words)
    start, end = rule.start, rule.end
    named = f", {rule.timezone}" if start is not None or end is not None else ""
    return f"any of {each}{bounds_in_words(start, end, rule.timezone)}{delay(rule.jitter)}{named}"


def _names_moment(args: Args) -> bool:
    return bool(_MOMENT.search(str(args.get("of"))))


KIND = TriggerKind(
    name="any",
    meaning="when any of several triggers says so",
    arguments={"of": "a list of definitions, like `{'crontab': '0 9 * * *'}`", **BOUNDS},
    example={"of": [{"crontab": "0 9 * * mon-fri"}, {"crontab": "0 12 * * sat"}]},
    read=read,
    words=words,
    names_moment=_names_moment,
)
