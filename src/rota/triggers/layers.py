"""Triggers around a trigger: they leave out some of its instants, or replace its earlier ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from rota.core.time import Instant
from rota.core.trigger import Trigger

FOREVER: Instant = 1 << 62
"""The end of a stretch that lasts until it is ended."""

Stretch = tuple[Instant, Instant]
"""From the first instant that is in it to the first one after it."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A trigger that has the kind, jitter, zone and end of the `rule` below it."""

    rule: Trigger

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


@dataclass(frozen=True, slots=True)
class Skipping(Layer):
    """The instants of `rule` but the skipped ones; it need not name all of these."""

    skipped: frozenset[Instant]

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


@dataclass(frozen=True, slots=True)
class Interrupted(Layer):
    """The instants of `rule` outside of the stretches, which are in order and apart."""

    stretches: tuple[Stretch, ...]

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


@dataclass(frozen=True, slots=True)
class Replaced(Layer):
    """The instants of `rule` after `since`, and those of `earlier` up to `until`."""

    earlier: Trigger
    since: Instant
    until: Instant

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


def without(rule: Trigger, skipped: Collection[Instant]) -> Trigger:
    """Return the rule without these instants."""
    return Skipping(rule, frozenset(skipped)) if skipped else rule


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
