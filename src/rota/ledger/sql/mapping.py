"""Rows of the tables ⇄ the frozen records of `core`.

Each record has the list of its columns in the order in which its rows travel, once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from rota.core.audit import Change
from rota.core.ids import RunIds
from rota.core.outcome import OutcomeKind
from rota.core.overlap import ActiveRun
from rota.core.ports.records import (
    AttemptEnd,
    Damage,
    NewRun,
    NodeRecord,
    StoredTask,
    TaskRecord,
)
from rota.core.reasons import WAITS
from rota.core.reasons.run_reason import RunReason
from rota.core.run import FINAL, Attempt, Cause, LogLine, Run, State, Step
from rota.core.task import Overlap, Policy
from rota.core.time import Instant
from rota.ledger.schema.tables import attempts, audit, logs, nodes, runs, steps, tasks
from rota.ledger.sql import forms, policy_forms
from rota.ledger.sql.json_batch import Row
from rota.ledger.sql.soundness import MOMENT, Note, found

_STATES = {state.value: state for state in State}
_CAUSES = {cause.value: cause for cause in Cause}  # calling the class takes ten times as long

RECORD = tuple(tasks.c[field.name] for field in fields(TaskRecord) if field.name != "dst")
"""What the code says, except `dst`: a changed `dst` shows in `schedule`."""

TASK = tuple(tasks.c)
RUN = tuple(runs.c[field.name] for field in fields(Run))
ATTEMPT = tuple(attempts.c[name] for name in Attempt._fields)
LOG = tuple(logs.c[name] for name in LogLine._fields)
STEP = tuple(steps.c[field.name] for field in fields(Step))
CHANGE = tuple(audit.c[field.name] for field in fields(Change))
NODE = tuple(nodes.c[field.name] for field in fields(NodeRecord))

_TASK_COLUMNS = tuple(column.name for column in TASK)
_RECORD_COLUMNS = tuple(field.name for field in fields(TaskRecord))

NEW_RUN = (
    runs.c.id,
    runs.c.task_id,
    runs.c.fire_time,
    runs.c.cause,
    runs.c.state,
    runs.c.available_at,
    runs.c.created_at,
    runs.c.exclusive,
    runs.c.reason,
    runs.c.count,
    runs.c.arguments,
    runs.c.finished_at,
    runs.c.priority,
    runs.c.reason_code,
    runs.c.overlap_key,
)
SETTLED = (
    runs.c.id,
    runs.c.fence,
    runs.c.state,
    runs.c.reason,
    runs.c.failures,
    runs.c.crashes,
    runs.c.available_at,
    runs.c.result,
    runs.c.finished_at,
    runs.c.peak_memory,
    runs.c.attempt_started_at,
    runs.c.reason_code,
    runs.c.error_type,
)
CANDIDATE = (
    runs.c.id,
    runs.c.task_id,
    runs.c.fire_time,
    runs.c.available_at,
    runs.c.attempt,
    runs.c.exclusive,
    runs.c.cause,
    runs.c.failures,
    runs.c.crashes,
    runs.c.fence,
    runs.c.arguments,
    runs.c.checkpoint,
    runs.c.finished_at,
    runs.c.options,
    runs.c.priority,
    runs.c.overlap_key,
    runs.c.started_at,
    runs.c.replay,
    runs.c.replay_time,
)
ENQUEUED = (*NEW_RUN, runs.c.key, runs.c.options)

# --- ids ----------------------------------------------------------------------------------------


def first_id(instant: Instant) -> str:
    """Return what the smallest id of this instant's millisecond begins with: ids sort by time."""
    return RunIds().new(max(instant, 0))[:10]


# --- JSON columns -------------------------------------------------------------------------------


_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""An encoder created once: `json.dumps` would create one for each value."""


def to_json(value: Any) -> str:
    """Return a value as text for a JSON column; what JSON cannot express is written as text, never
    refused.
    """
    if value.__class__ is dict and not value:
        return "{}"
    try:
        return _encoded(value)
    except (TypeError, ValueError, RecursionError):
        return _to_json_somehow(value)


def _to_json_somehow(value: Any) -> str:
    try:
        return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return json.dumps("(too deep, or a circle)")


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case _:
            return str(value)


def _optional_json(value: Any) -> str | None:
    return None if value is None else to_json(value)


# --- tasks --------------------------------------------------------------------------------------


def record_row(record: TaskRecord) -> list[Any]:
    """Return the values of RECORD."""
    return [
        record.id,
        record.name,
        record.func_path,
        record.trigger,
        to_json(record.trigger_args),
        record.timezone,
        record.schedule,
        int(record.enabled),
        policy_forms.policy_json(record.policy),
        record.executor,
        record.description,
        record.file,
        record.line,
    ]


def task_row(task: StoredTask) -> list[Any]:
    """Return the values of TASK."""
    return [
        *record_row(task.record),
        task.anchor,
        task.planned_until,
        to_json(task.edits.given()),
        task.paused_since,
        task.paused_until,
        task.pause_reason,
        task.seen_at,
        task.removed_at,
        task.revision,
        to_json(task.skipped) if task.skipped else None,
        task.record.policy.group,
        to_json({key: asdict(note) for key, note in task.edited.items()}) if task.edited else None,
        task.record.dst,
        task.rule_since,
        task.revision,
        to_json(task.off) if task.off else None,
        to_json(task.pauses) if task.pauses else None,
    ]


def task_of(row: Row) -> StoredTask:
    """Return the task of a row of TASK; a damaged time is read as the next best one of the row."""
    found = dict(zip(_TASK_COLUMNS, forms.TASKS.read(row), strict=True))
    dst, rule_revision, _ = found["dst"], found.pop("rule_revision"), found.pop("limit_group")
    record = TaskRecord(**{name: found.pop(name) for name in _RECORD_COLUMNS})
    if dst is None:  # the release before knows none
        record = replace(record, dst="")
    if dst is None or rule_revision != found["revision"]:  # the release before changed it since
        found["rule_since"] = None
    seen, anchor, until = found["seen_at"], found["anchor"], found["planned_until"]
    if seen is None or anchor is None or until is None:  # a damaged one is read from the others
        sane = next((one for one in (seen, until, anchor) if one is not None), 0)
        for name in ("seen_at", "anchor", "planned_until"):
            found[name] = sane if found[name] is None else found[name]
    return StoredTask(record, **found)


def policy_of(text: str | None) -> Policy:
    """Return the policy of a task that may no longer exist; a damaged one counts as missing."""
    try:
        return Policy() if text is None else policy_forms.policy_of(text)
    except ValueError:  # reported when the task is read
        return Policy()


# --- runs ---------------------------------------------------------------------------------------


def new_run_row(run: NewRun, state: State, reason: RunReason) -> list[Any]:
    """Return the values of NEW_RUN; a run that is over when it is written ends when it was made."""
    return [
        run.id,
        run.task_id,
        run.fire_time,
        run.cause,
        state,
        run.available_at,
        run.created_at,
        int(run.overlap is not Overlap.ALLOW),
        reason.text,
        run.occurrence_count,
        None if run.arguments is None else to_json(run.arguments),
        run.created_at if state in FINAL else None,
        run.priority,
        reason.code,
        run.overlap_key,
    ]


def enqueued_row(run: NewRun) -> list[Any]:
    """Return the values of ENQUEUED."""
    row = new_run_row(run, run.state, run.reason)
    return [*row, run.key, _optional_json(run.options or None)]


def settled_row(ending: AttemptEnd, fence: int) -> list[Any]:
    """Return the values of SETTLED, for a run that is held under `fence`."""
    new, attempt = ending.settlement, ending.attempt
    return [
        attempt.run_id,
        fence,
        new.state,
        new.reason.text,
        new.failures,
        new.crashes,
        new.available_at,
        None if new.result is None else to_json(new.result),
        attempt.finished_at if new.state in FINAL else None,
        attempt.peak_memory,
        attempt.started_at,
        new.reason.code,
        new.error_type,
    ]


def run_of(row: Row, note: Note = found.add) -> Run:
    """Read a row of RUN."""
    run = Run(*forms.RUNS.read(row, note=note))
    if (run.finished_at is None) is (run.state in FINAL) or (
        run.state in _ATTEMPTED and (run.node is None or run.attempt_started_at is None)
    ):
        run = _completed(run, note)
    if run.replay_time is not None:
        run = replace(run, fire_time=run.replay_time)
    if run.reason_code in WAITS and run.state in FINAL:  # a node of an older release ended it
        return replace(run, reason_code=None)
    return run


_ATTEMPTED = frozenset({State.RUNNING, State.SUCCEEDED})


def _completed(run: Run, note: Note) -> Run:
    """Return a run with the values that its state implies, and note that they are missing."""
    began = run.attempt_started_at or run.started_at or run.created_at
    ended = (run.finished_at or began) if run.state in FINAL else None
    changes: dict[str, Any] = {} if run.finished_at == ended else {"finished_at": ended}
    if run.state in _ATTEMPTED:
        given = {"node": run.node or "?", "attempt_started_at": began, "started_at": began}
        changes |= {name: it for name, it in given.items() if getattr(run, name) is None}
    for name in changes:
        there = "nothing" if getattr(run, name) is None else "something"
        note(Damage("runs", run.id, name, f"{there}, though it is {run.state}"))
    return replace(run, **changes)


def active_of(
    run_id: str,
    state: str,
    fire_time: Instant | None,
    node: str | None,
    code: str | None,
    awaits: str | None,
    crashed_at: Instant | None = None,
) -> ActiveRun:
    """Return a run from what `statements.ACTIVE_OF_TASKS` reads of it."""
    known = None if code is None else forms.CODES.get(code)
    described = run_id, _STATES[state], _moment(fire_time), node, known, awaits
    return ActiveRun(*described, crashed_at=_moment(crashed_at))


def _moment(value: Any) -> Instant | None:
    try:
        return None if value is None else int(MOMENT.read(value))
    except ValueError:  # reported when the whole row is read
        return None


# --- attempts, lines, nodes ---------------------------------------------------------------------


def attempt_of(row: Row) -> Attempt:
    """Read a row of ATTEMPT."""
    return Attempt(*forms.ATTEMPTS.read(row))


def last_attempt_of(run: Run) -> Attempt | None:
    """Return the attempt that succeeded, which is kept in the row of its run."""
    if run.state is not State.SUCCEEDED:
        return None
    assert run.node is not None  # see `_completed`
    assert run.attempt_started_at is not None
    assert run.finished_at is not None
    return Attempt(
        run.id,
        run.attempt,
        run.node,
        run.attempt_started_at,
        run.finished_at,
        OutcomeKind.SUCCEEDED,
        peak_memory=run.peak_memory,
    )


def line_of(row: Row) -> LogLine:
    """Read a row of LOG."""
    return LogLine(*forms.LOGS.read(row))


def step_row(step: Step) -> dict[str, Any]:
    """Return the values of STEP by name."""
    return {"key": step.key, "value": to_json(step.value), "at": step.at}


def step_of(row: Row, run_id: str) -> Step:
    """Read a row of STEP, one of a run."""
    return Step(*forms.STEPS.read(row, of=f"{run_id} {row[0]}"))


def node_row(node: NodeRecord) -> dict[str, Any]:
    """Return the values of NODE by name."""
    return {column.name: getattr(node, column.name) for column in NODE} | {
        "info": to_json(node.info)
    }


def node_of(row: Row) -> NodeRecord:
    """Read a row of NODE."""
    return NodeRecord(*forms.NODES.read(row))


# --- audit --------------------------------------------------------------------------------------


def change_row(change: Change) -> list[Any]:
    """Return the values of CHANGE."""
    *plain, before, after = (getattr(change, column.name) for column in CHANGE)
    return [*plain, _optional_json(before), _optional_json(after)]


def change_of(row: Row) -> Change:
    """Read a row of CHANGE."""
    return Change(*forms.CHANGES.read(row))
