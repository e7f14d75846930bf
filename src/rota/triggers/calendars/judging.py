"""What a calendar makes of a task's occurrences, whatever other layers its trigger has."""

from __future__ import annotations

from dataclasses import replace

from rota.core.time import Instant
from rota.core.trigger import Trigger
from rota.triggers.calendars.rolled import CalendarTrigger
from rota.triggers.layers import Interrupted, Replaced, Skipping


def firing(trigger: Trigger) -> Trigger:
    """Return the trigger of the occurrences that start; those that a calendar skips are left out.
    It is the same object if nothing is skipped."""
    if isinstance(trigger, CalendarTrigger):
        return trigger.firing()
    if isinstance(trigger, (Skipping, Interrupted, Replaced)):
        rule = firing(trigger.rule)
        if isinstance(trigger, Replaced):
            earlier = firing(trigger.earlier)
            if rule is not trigger.rule or earlier is not trigger.earlier:
                return replace(trigger, rule=rule, earlier=earlier)
        elif rule is not trigger.rule:
            return replace(trigger, rule=rule)
    return trigger


def calendar_rule(trigger: Trigger, instant: Instant) -> CalendarTrigger | None:
    """Return the part of a trigger that names an instant by a calendar; None if there is none."""
    while True:
        if isinstance(trigger, CalendarTrigger):
            return trigger
        if isinstance(trigger, Replaced):
            is_new = instant > trigger.since and trigger.rule.last_before(instant) == instant
            trigger = trigger.rule if is_new else trigger.earlier
        elif isinstance(trigger, (Skipping, Interrupted)):
            trigger = trigger.rule
        else:
            return None


def has_calendar(trigger: Trigger) -> bool:
    """Return whether some part of a trigger is by a calendar."""
    if isinstance(trigger, Replaced) and has_calendar(trigger.earlier):
        return True
    if isinstance(trigger, (Skipping, Interrupted, Replaced)):
        return has_calendar(trigger.rule)
    return isinstance(trigger, CalendarTrigger)
