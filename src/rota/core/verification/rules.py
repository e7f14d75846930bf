"""The rules that a task had over time, and which of their instants had to have a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from rota.core.time import SECOND, Instant
from rota.core.trigger import Trigger

EDGE: Instant = 5 * SECOND
"""How close to a change an instant owes nothing: other nodes hear of the change a little later."""

LATE: Instant = 60 * SECOND
"""How long after an instant a node that knows its task has surely planned it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What decided the occurrences of a task from `since` until something of it changed."""

    task_id: str
    revision: int
    since: Instant
    until: Instant | None  # None: it still does
    trigger: str
    trigger_args: Mapping[str, Any]
    timezone: str
    dst: str
    enabled: bool
    edits: Mapping[str, Any]
    anchor: Instant
    planned_until: Instant  # how far it had come
    paused_since: Instant | None
    paused_until: Instant | None
    removed_at: Instant | None
    skipped: tuple[Instant, ...]


class RuleSpan(NamedTuple):
    """A stretch of time from `first` on, `last` included."""

    first: Instant
    last: Instant

    def without(self, other: RuleSpan) -> list[RuleSpan]:
        """Return what is left of it without the other span."""
        left = [RuleSpan(self.first, min(self.last, other.first - 1))]
        right = [RuleSpan(max(self.first, other.last + 1), self.last)]
        return [span for span in (left + right) if span.first <= span.last]


class Owed(NamedTuple):
    """A stretch of time in which every instant of a trigger has its row."""

    span: RuleSpan
    trigger: Trigger
    rule: Rule


Read = Callable[[Rule], Trigger | None]
"""Returns the trigger of a rule; None if it cannot be read."""


class Known(NamedTuple):
    """What is known of the time in which the rules held."""

    now: Instant
    since: Instant  # nothing is asked of what was before
    blind: Sequence[RuleSpan] = ()  # when clocks were wrong
    planners: Sequence[RuleSpan] = ()  # when a node that knows the task was there to plan it
    edge: Instant = EDGE
    late: Instant = LATE


def owed(rules: Sequence[Rule], read: Read, known: Known) -> list[Owed]:
    """Return the spans in which a task's instants had to have rows, oldest first.

    They are the instants up to which the ledger says that everything has its row, and those since
    which a node was up for long enough. Once a rule is planned, so are those before it: see
    `yet_to_plan`. A pause or a task that is off owes nothing, nor does a rule that cannot be read.
    """
    found: list[Owed] = []
    ends, done = _ends(rules), _done(rules)
    for index, (rule, end) in enumerate(zip(rules, ends, strict=True)):
        trigger = read(rule) if _is_on(rule) else None
        if trigger is None:
            continue
        first, last = rule.since + 1, _reached(rule, end, known, is_done=index in done)
        if index and not _goes_on(rules[index - 1], rule):
            first += known.edge
        if end is not None:
            is_continued = index + 1 < len(rules) and _goes_on(rule, rules[index + 1])
            last = min(last, end if is_continued else end - known.edge)
        spans = _between(RuleSpan(max(first, known.since), min(last, known.now)), rule, known)
        found += [Owed(span, trigger, rule) for span in spans]
    return found


def _ends(rules: Sequence[Rule]) -> list[Instant | None]:
    """Return when each rule ends: never after a later one began, whatever the clocks showed."""
    ends: list[Instant | None] = []
    following: Instant | None = None
    for rule in reversed(rules):
        known = [end for end in (rule.until, following) if end is not None]
        ends.append(min(known, default=None))
        following = min([rule.since, *([following] if following is not None else [])])
    return ends[::-1]


def _done(rules: Sequence[Rule]) -> set[int]:
    """Return which rules are planned to their end, because the one that followed is planned."""
    done: set[int] = set()
    for index in range(len(rules) - 2, -1, -1):
        rule, following = rules[index], rules[index + 1]
        is_planned = following.planned_until >= following.since or index + 1 in done
        if is_planned and rule.until == following.since and rule.removed_at is None:
            done.add(index)
    return done


def _is_on(rule: Rule) -> bool:
    enabled = rule.edits.get("enabled")
    return (rule.enabled if enabled is None else bool(enabled)) and rule.removed_at is None


def _goes_on(before: Rule, rule: Rule) -> bool:
    """Return whether a rule names what the one before it named."""
    return (
        before.until == rule.since
        and _is_on(before)
        and (before.trigger, before.trigger_args, before.timezone, before.dst, before.anchor)
        == (rule.trigger, rule.trigger_args, rule.timezone, rule.dst, rule.anchor)
        and before.edits == rule.edits
        and before.paused_since == rule.paused_since
    )


def yet_to_plan(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules with other times than the present one, the last, whose occurrences may have
    no row yet; the oldest first. Each one's `planned_until` is the instant from which they may be
    missing.

    A change of a task's times, by an edit or in the code, sets `planned_until` right before its
    instant. It stays there until the earlier occurrences are planned as well. A change in the code
    is one when it is registered.
    """
    found: list[Rule] = []
    if not rules or rules[-1].until is not None:  # what holds now is not known
        return ()
    following, planned_until = rules[-1], rules[-1].planned_until
    for rule in reversed(rules[:-1]):
        if planned_until >= following.since or rule.until != following.since:
            break
        if rule.removed_at is not None:
            break
        if not _has_same_times(rule, following):
            found.append(rule)
            planned_until = rule.planned_until
        elif found:
            found[-1] = replace(found[-1], since=rule.since)
        following = rule
    return tuple(reversed(found))


def _has_same_times(one: Rule, other: Rule) -> bool:
    def times(rule: Rule) -> tuple[object, ...]:
        code = rule.trigger, rule.trigger_args, rule.timezone, rule.dst
        return *code, rule.anchor, rule.edits.get("trigger_args")

    return times(one) == times(other)


def _reached(rule: Rule, end: Instant | None, known: Known, *, is_done: bool) -> Instant:
    """Return up to when everything of a rule has surely been planned."""
    if is_done and end is not None:
        return end
    reached = rule.planned_until
    stop = known.now if end is None else min(end, known.now)
    for first, last in known.planners:
        until = min(last, stop)
        if until - max(first, rule.since) >= known.late:
            reached = max(reached, until - known.late)
    return reached


def _between(span: RuleSpan, rule: Rule, known: Known) -> list[RuleSpan]:
    spans = [span] if span.first <= span.last else []
    gaps = list(known.blind)
    if rule.paused_since is not None:
        end = known.now if rule.paused_until is None else rule.paused_until - 1
        gaps.append(RuleSpan(rule.paused_since - known.edge, max(end, rule.paused_since)))
    for gap in gaps:
        spans = [left for one in spans for left in one.without(gap)]
    return spans
