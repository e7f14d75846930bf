"""Which rows a task gets for what is due: one an occurrence, or one for many that were missed."""

from __future__ import annotations

from rota import triggers
from rota.core import catchup
from rota.core.reasons.run_reason import RunReason
from rota.core.time import Instant
from rota.engine.planning.task_registry import RegisteredTask


def find_due(
    entry: RegisteredTask, instant: Instant | None, until: Instant, now: Instant
) -> list[catchup.Due]:
    """Return the rows for what is due up to `until`, in the order of their times.

    A lone `instant` that is on time, and that nothing before it waits to be planned with, needs no
    survey.
    """
    alone = None if entry.is_behind or entry.is_off(now) else instant
    if alone is not None and entry.planned_until < alone <= until <= alone + catchup.ON_TIME:
        why = entry.rejection(alone)
        if why is None:
            return [catchup.Due(alone)]
        return [catchup.Due(alone, RunReason(why.code, why.text), is_skipped=True)]
    first, after, trigger = entry.first, entry.planned_until, entry.trigger
    off, apart = entry.is_off(now), list[catchup.Due]()
    if first is not None and first <= until:
        if entry.owes_first and first <= after:  # what lies between the two has its rows
            trigger = triggers.outside(trigger, [(first + 1, after + 1)])
            after = first - 1
        starts = entry.starts_first(now) and entry.firing_of(trigger).last_before(first) == first
        if entry.is_late or starts:
            if after < first and trigger.last_before(first) == first:
                apart = [catchup.passed(first, entry.anchor, is_late=entry.is_late, off=off)]
            trigger = triggers.without(trigger, (first,))  # there are former rules besides
        entry.owes_first = False
    entry.is_behind = False
    firing, count = entry.firing_of(trigger), triggers.count_between
    survey = catchup.survey(firing, after, until, entry.policy, count, trigger)
    if firing is not trigger:
        apart += catchup.skipped(trigger, survey, after, until, count, entry.rejection)
    rows = apart + catchup.decide(survey, entry.policy, off=off, up_since=entry.known_since)
    return sorted(rows, key=lambda row: row.until) if apart else rows
