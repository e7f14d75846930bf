"""Compares the rows of tasks that run after others with the record of what they ran after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from rota.core.chains.rule import AFTER, cycle_through
from rota.core.time import Instant
from rota.core.trigger import Trigger
from rota.core.verification import chained
from rota.core.verification.chained import ChainEvidence, ChainRule
from rota.core.verification.findings import Finding
from rota.core.verification.rules import Rule, RuleSpan
from rota.triggers.calendars.rolled import CalendarTrigger
from rota.triggers.kinds.after import AfterTrigger

ROWS = 5_000
"""Runs that are looked at together."""

Read = Callable[[Rule], Trigger | None]


def verify_chains(
    evidence: ChainEvidence,
    rules: Sequence[ChainRule],
    since: Instant,
    kept_since: Instant,
    pause: Callable[[], None],
) -> Iterator[Finding]:
    """Yield what is wrong with the rows of these rules' tasks; raises LedgerError."""
    links = {rule.task_id: rule.link.tasks for rule in rules}
    sound = [rule for rule in rules if not cycle_through(rule.task_id, links)]
    if not sound:
        return
    upstream = sorted({task_id for rule in sound for task_id in rule.link.tasks})
    after = ""
    while found := evidence.ends(upstream, since, after, ROWS):
        yield from chained.missing(sound, found, evidence)
        after = found[-1].end.run_id
        pause()
    spans: dict[str, list[RuleSpan]] = {}
    for rule in sound:
        spans.setdefault(rule.task_id, []).append(rule.span)
    after = ""
    while rows := evidence.followers(sorted(spans), since, after, ROWS):
        yield from chained.without_upstream(rows, spans, evidence, kept_since)
        after = rows[-1].run_id
        pause()


def chain_rules(
    rules: Sequence[Rule], read: Read, span: RuleSpan, blind: Sequence[RuleSpan], edge: Instant
) -> list[ChainRule]:
    """Return what a task ran after, by its rules, the oldest first, and within `span` only. At a
    change other nodes hear of it a little later: `edge`.
    """
    found: list[ChainRule] = []
    for first, last in _stretches(rules):
        trigger = read(first) if first.trigger == AFTER and last.removed_at is None else None
        calendar = trigger if isinstance(trigger, CalendarTrigger) else None
        inner = trigger if calendar is None else calendar.rule
        if not isinstance(inner, AfterTrigger):
            continue
        until = span.last if last.until is None else min(span.last, last.until - edge - 1)
        spans = [RuleSpan(max(span.first, first.since + edge), until)]
        for gap in blind:
            spans = [left for one in spans for left in one.without(gap)]
        admits = _admits(inner, calendar)
        found += [
            ChainRule(first.task_id, inner.link, one, admits)
            for one in spans
            if one.first <= one.last
        ]
    return found


def _admits(inner: AfterTrigger, calendar: CalendarTrigger | None) -> Callable[[Instant], bool]:
    def admits(instant: Instant) -> bool:
        if calendar is not None and not calendar.why_skipped(instant):
            return calendar.has_day(instant) and inner.admits(instant)
        return inner.admits(instant)

    return admits


def _stretches(rules: Sequence[Rule]) -> list[tuple[Rule, Rule]]:
    """Return the first and last rule of each stretch in which a task ran after the same."""
    if not rules:
        return []
    bounds = [0]
    for index, (before, rule) in enumerate(pairwise(rules), 1):
        if _times(before) != _times(rule) or before.until != rule.since:
            bounds.append(index)
    ends = [*(index - 1 for index in bounds[1:]), len(rules) - 1]
    return [(rules[first], rules[last]) for first, last in zip(bounds, ends, strict=True)]


def _times(rule: Rule) -> tuple[object, ...]:
    args: Mapping[str, object] | object = rule.edits.get("trigger_args")
    is_removed = rule.removed_at is not None
    return rule.trigger, rule.trigger_args, rule.timezone, args, is_removed
