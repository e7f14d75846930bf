"""Reads what verification compares: the past rules, the rows, and the marks."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from rota.core.ports.records import StoredTask, VerificationMark
from rota.core.time import HOUR, Instant
from rota.core.verification.occurrences import Row
from rota.core.verification.rules import Rule, yet_to_plan
from rota.ledger.sql.json_batch import encode
from rota.ledger.sql.soundness import EARLIEST, LATEST
from rota.ledger.sql.verification import FURTHEST, MARKS, RULE, RULES, SET_MARK


def rules_of(connection: Connection, ids: Collection[str]) -> list[Rule]:
    """Return the rules that these tasks have and had, by task, the oldest first."""
    found = [_rule_of(row) for row in RULES.rows(connection, ids=encode(ids))]
    return sorted(found, key=lambda rule: (rule.task_id, rule.until is None, rule.revision))


def with_former(connection: Connection, stored: Sequence[StoredTask]) -> list[StoredTask]:
    """Return tasks with the rules that they had, if occurrences of these may have no row yet."""
    behind = [
        task.record.id
        for task in stored
        if task.rule_since is not None and task.planned_until < task.rule_since
    ]
    if not behind:
        return list(stored)
    found = groupby(rules_of(connection, behind), key=lambda rule: rule.task_id)
    former = {task_id: yet_to_plan(list(rules)) for task_id, rules in found}
    return [
        replace(task, former=former[task.record.id]) if former.get(task.record.id) else task
        for task in stored
    ]


_TIMES = {"since": 0, "until": 0, "anchor": 0, "planned_until": 0}
_MAYBE_TIMES = {"paused_since": None, "paused_until": None, "removed_at": 0}
_NO_TRIGGER = ""


def _rule_of(row: Any) -> Rule:
    """Return a row of RULES as a record; a damaged one is a rule that cannot be read, and owes
    nothing.
    """
    named = dict(zip(RULE, row, strict=True))
    for name, instead in {**_TIMES, **_MAYBE_TIMES}.items():
        is_empty = named[name] is None and (name in _MAYBE_TIMES or name == "until")
        if not is_empty and not _is_time(named[name]):
            named[name], named["trigger"] = instead, _NO_TRIGGER
    if not isinstance(named["revision"], int):
        named["revision"], named["trigger"] = 0, _NO_TRIGGER
    for name in ("trigger", "timezone", "dst"):
        if not isinstance(named[name], str):
            named[name], named["trigger"] = "", _NO_TRIGGER
    for name in ("trigger_args", "edits"):
        named[name] = _mapping(named[name])
    named["skipped"] = _instants(named["skipped"])
    named["enabled"] = bool(named["enabled"])
    return Rule(**named)


def _mapping(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _instants(text: str | None) -> tuple[Instant, ...]:
    try:
        value = json.loads(text) if text else []
    except (ValueError, TypeError, RecursionError):
        return ()
    return tuple(one for one in value if isinstance(one, int)) if isinstance(value, list) else ()


def row_of(row: Any) -> tuple[str, Row]:
    """Read a row of OCCURRENCES."""
    task_id, fire_time, run_id, count, created_at, is_planned = row
    count = count if isinstance(count, int) else 1
    created_at = created_at if isinstance(created_at, int) else fire_time
    return task_id, Row(fire_time, run_id, count, created_at, bool(is_planned))


def marks_in(connection: Connection) -> list[VerificationMark]:
    """Return every mark."""
    return [_mark_of(*row) for row in sorted(MARKS.rows(connection), key=lambda row: str(row[0]))]


def _mark_of(name: Any, at: Any, until: Any, value: Any) -> VerificationMark:
    """Return the mark of a row of MARKS; damaged values count as not set."""
    return VerificationMark(
        str(name),
        at if _is_time(at) else 0,
        until if _is_time(until) else None,
        value if isinstance(value, str) else None,
    )


def are_times(*values: Any) -> bool:
    """Return whether each of these values is a possible time, or None."""
    return all(value is None or _is_time(value) for value in values)


def _is_time(value: Any) -> bool:
    return isinstance(value, int) and EARLIEST <= value <= LATEST


def set_mark(connection: Connection, mark: VerificationMark) -> None:
    """Write a mark, in place of one with its name."""
    SET_MARK(connection, **mark._asdict())


PRUNED = "pruned"
"""The mark up to which ended runs were deleted."""

LONGEST = HOUR
"""The longest that a mark can be held: a later time was written by a clock that was ahead."""


def take_mark(
    connection: Connection, name: str, now: Instant, until: Instant
) -> VerificationMark | None:
    """Acquire a mark; see the port."""
    before = next(
        (mark for mark in marks_in(connection) if mark.name == name), VerificationMark(name, 0)
    )
    if before.until is not None and now < before.until <= now + LONGEST:
        return None
    set_mark(connection, before._replace(until=until))
    return before


def mark_rewind(connection: Connection, now: Instant, ahead: Instant, limit: Instant) -> None:
    """Note that a clock was ahead, if planning or a node's heartbeat shows it."""
    found = FURTHEST(connection, ahead=ahead, limit=limit).one()
    known = [at for at in found if at is not None]
    if known:
        set_mark(connection, VerificationMark(f"rewound {now}", now, max(known), None))
