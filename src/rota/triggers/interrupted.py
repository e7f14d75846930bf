"""A trigger that names nothing in some stretches of time: those in which its task is off."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rota.core.time import Instant
from rota.core.trigger import Trigger

FOREVER: Instant = 1 << 62
"""The end of a stretch that lasts until somebody ends it."""

Stretch = tuple[Instant, Instant]
"""From the first instant that is in it to the first one after it."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The instants of `rule` outside of the stretches, which are in order and apart."""

    rule: Trigger
    stretches: tuple[Stretch, ...]

    @property
    def kind(self) -> str:
        """Return the rule's."""
        return self.rule.kind

    @property
    def jitter(self) -> Instant:
        """Return the rule's."""
        return self.rule.jitter

    @property
    def timezone(self) -> str:
        """Return the rule's."""
        return self.rule.timezone

    @property
    def end(self) -> Instant | None:
        """Return the rule's."""
        return self.rule.end

    def next_after(self, after: Instant) -> Instant | None:
        """Return the first instant strictly after `after`."""
        instant = self.rule.next_after(after)
        for since, until in self.stretches:
            if instant is None or instant < since:
                break
            if instant < until:
                instant = None if until >= FOREVER else self.rule.next_after(until - 1)
        return instant

    def last_before(self, at: Instant) -> Instant | None:
        """Return the last instant at or before `at`."""
        instant = self.rule.last_before(at)
        for since, until in reversed(self.stretches):
            if instant is None or instant >= until:
                break
            if instant >= since:
                instant = self.rule.last_before(since - 1)
        return instant

    def between(self, after: Instant, until: Instant) -> list[Stretch]:
        """Return the parts of the stretches that lie strictly after `after` and not after
        `until`."""
        parts = ((max(since, after + 1), min(end, until + 1)) for since, end in self.stretches)
        return [(since, end) for since, end in parts if since < end]


def outside(rule: Trigger, stretches: Iterable[Stretch]) -> Trigger:
    """Return the rule without its instants in these stretches, whatever order they come in."""
    apart: list[Stretch] = []
    for since, until in sorted(stretches):
        if until <= since:
            continue
        if apart and since <= apart[-1][1]:
            apart[-1] = apart[-1][0], max(apart[-1][1], until)
        else:
            apart.append((since, until))
    return Interrupted(rule, tuple(apart)) if apart else rule
