"""Which rows a task gets for what is due: one an occurrence, or one for many that were missed."""

from __future__ import annotations

from rota import triggers
from rota.core import catchup
from rota.core.reasons import ReasonCode
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
        why = entry.why_skipped(alone)
        if not why:
            return [catchup.Due(alone)]
        return [catchup.Due(alone, why, code=ReasonCode.CALENDAR, is_skipped=True)]
    first, trigger = entry.first, entry.trigger
    late: list[catchup.Due] = []
    if first is not None and entry.is_late:
        is_due = entry.planned_until < first <= until and trigger.last_before(first) == first
        late = [catchup.late_date(first, entry.anchor)] if is_due else []
        trigger = triggers.without(trigger, (first,))  # there are former rules besides
    entry.is_behind = False
    firing = triggers.firing(trigger)
    survey = catchup.survey(
        firing, entry.planned_until, until, entry.policy, triggers.count_between, trigger
    )
    skipped: list[catchup.Due] = []
    if firing is not trigger:
        skipped = catchup.skipped(
            trigger, survey, entry.planned_until, until, triggers.count_between, entry.why_skipped
        )
    rows = late + catchup.decide(
        survey,
        entry.policy,
        off=entry.is_off(now),
        first=first if entry.starts_first(now) else None,
        up_since=entry.known_since,
    )
    if late or skipped:
        return sorted([*rows, *skipped], key=lambda row: row.until)
    return rows
