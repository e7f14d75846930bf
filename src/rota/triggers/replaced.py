"""A trigger that came in the place of others: before that, they name the instants."""

from __future__ import annotations

from dataclasses import dataclass

from rota.core.time import Instant
from rota.core.trigger import Trigger


@dataclass(frozen=True, slots=True)
class Replaced:
    """The instants of `rule` after `since`, and those of `earlier` up to `until`."""

    rule: Trigger
    earlier: Trigger
    since: Instant
    until: Instant

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
        found = self.rule.next_after(max(after, self.since))
        if after >= self.until:
            return found
        before = self.earlier.next_after(after)
        if before is None or before > self.until:
            return found
        return before if found is None else min(before, found)

    def last_before(self, at: Instant) -> Instant | None:
        """Return the last instant at or before `at`."""
        found = self.rule.last_before(at)
        if found is not None and found <= self.since:
            found = None
        if found is not None and found >= self.until:
            return found
        before = self.earlier.last_before(min(at, self.until))
        if before is None or found is None:
            return found if before is None else before
        return max(before, found)
