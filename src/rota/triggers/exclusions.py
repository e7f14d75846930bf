"""A trigger without some of its instants: those that somebody skipped by hand."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rota.core.time import Instant
from rota.core.trigger import Trigger


@dataclass(frozen=True, slots=True)
class Skipping:
    """The instants of `rule` but the skipped ones; it need not name all of these."""

    rule: Trigger
    skipped: frozenset[Instant]

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
        while instant in self.skipped:
            instant = self.rule.next_after(instant)
        return instant

    def last_before(self, at: Instant) -> Instant | None:
        """Return the last instant at or before `at`."""
        instant = self.rule.last_before(at)
        while instant in self.skipped:
            instant = self.rule.last_before(instant - 1)
        return instant

    def left_out(self, after: Instant, until: Instant) -> int:
        """Return how many of the rule's instants strictly after `after` and not after `until` are
        skipped."""
        among = (one for one in self.skipped if after < one <= until)
        return sum(self.rule.last_before(one) == one for one in among)


def without(rule: Trigger, skipped: Collection[Instant]) -> Trigger:
    """Return the rule without these instants."""
    return Skipping(rule, frozenset(skipped)) if skipped else rule
