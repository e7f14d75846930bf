"""The former rules of a task: occurrences that fell due by them are planned by them."""

from __future__ import annotations

from collections.abc import Sequence

from rota import triggers
from rota.core.time import Instant
from rota.core.trigger import Trigger
from rota.core.verification.rules import Rule
from rota.errors import TriggerError


def trigger_of(rule: Rule) -> Trigger | None:
    """Return the trigger of a rule; None if this release cannot read it."""
    code, edited = rule.trigger_args, rule.edits.get("trigger_args")
    for args in (edited, code):
        if args is None:
            continue
        try:
            return triggers.parse(
                rule.trigger,
                args,
                timezone=rule.timezone,
                dst=rule.dst,
                anchor=rule.anchor,
                task_id=rule.task_id,
            )
        except TriggerError:
            continue  # an edit that does not fit the code is not applied
    return None


def in_place_of(former: Sequence[Rule], rule: Trigger, now: Instant) -> Trigger:
    """Return the rule of a task as it is at `now`, with what its former rules name before it.

    A rule written by a clock that was ahead is not in effect yet: no rule ends after `now`.
    """
    ends = [min(one.until or now, now) for one in former]
    earlier = trigger_of(former[0]) if former else None
    for one, since in zip(former[1:], ends, strict=False):
        following = trigger_of(one)
        if following is not None and earlier is not None:
            earlier = _replaced(following, earlier, since)
        else:  # a rule that this release cannot read names nothing, nor does what was before it
            earlier = following
    return rule if earlier is None else _replaced(rule, earlier, ends[-1])


def _replaced(rule: Trigger, earlier: Trigger, since: Instant) -> triggers.Replaced:
    first = triggers.planned_until_at(rule, since)  # it may name what had just passed
    return triggers.Replaced(rule, earlier, min(first, since), since)
