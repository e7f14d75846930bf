"""Rows of the tables ⇄ the frozen records of `core`.

Each record has the list of its columns in the order in which its rows travel, once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Column

from rota.core.audit import Change, Face, Verb
from rota.core.ids import RunIds
from rota.core.instants import Instant
from rota.core.outcome import OutcomeKind
from rota.core.overlap import ActiveRun
from rota.core.reasons import WAITS, ReasonCode
from rota.core.records import (
    NO_EDITS,
    Bundle,
    Claim,
    EditNote,
    Edits,
    Ending,
    NewRun,
    Node,
    StoredTask,
    TaskRecord,
    Waiting,
)
from rota.core.run import FINAL, Attempt, Cause, LogLine, Run, State, Step
from rota.core.task import Catchup, OnCrash, Overlap, Policy
from rota.ledger.jsonrows import Row
from rota.ledger.tables import attempts, audit, logs, nodes, runs, steps, tasks

RECORD = tuple(tasks.c[field.name] for field in fields(TaskRecord) if field.name != "dst")
"""What the code says, but `dst`: `schedule` says whether that changed."""

TASK = tuple(tasks.c)
RUN = tuple(runs.c[field.name] for field in fields(Run))
ATTEMPT = tuple(attempts.c[name] for name in Attempt._fields)
LOG = tuple(logs.c[name] for name in LogLine._fields)
STEP = tuple(steps.c[field.name] for field in fields(Step))
CHANGE = tuple(audit.c[field.name] for field in fields(Change))
NODE = tuple(nodes.c[field.name] for field in fields(Node))

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
)

# --- ids ----------------------------------------------------------------------------------------


def bundle_of(row: Row, since: Instant) -> Bundle:
    """Return a row of `sums.BUNDLES` as a bundle; what began before `since` is cut there."""
    task_id, state, began, ended, count, first, last, begins, ends, example = row
    if began < 0:
        began, first, begins = 0, since, 0
    if ends < begins:  # the clock was set back meanwhile
        ended, last, ends = began, first, begins
    return Bundle(task_id, State(state), began, ended, count, first, last, begins, ends, example)


def first_id(instant: Instant) -> str:
    """Return what the smallest id of this instant's millisecond begins with: ids sort by time."""
    return RunIds().new(max(instant, 0))[:10]


# --- JSON columns -------------------------------------------------------------------------------


def to_json(value: Any) -> str:
    """Write a value for a JSON column; what JSON cannot say is written as text, never refused."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
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


def _from_json(text: str | None) -> Any:
    return None if text is None else json.loads(text)


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
        _policy_json(record.policy),
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
    ]


def task_of(row: Row) -> StoredTask:
    """Read a row of TASK."""
    id_, name, func_path, trigger, trigger_args, timezone, schedule, enabled, policy = row[:9]
    executor, description, file, line, anchor, planned_until, edits, *rest = row[9:-7]
    skipped, _, edited, dst, rule_since, rule_revision, off = row[-7:]
    record = TaskRecord(
        id=id_,
        name=name,
        func_path=func_path,
        trigger=trigger,
        trigger_args=json.loads(trigger_args),
        timezone=timezone,
        schedule=schedule,
        enabled=bool(enabled),
        policy=policy_of(policy),
        executor=executor,
        description=description,
        file=file,
        line=line,
        dst=dst or "",  # the release before knows none
    )
    if dst is None or rule_revision != rest[-1]:  # the release before changed it since
        rule_since = None
    rest.append(tuple(json.loads(skipped)) if skipped else ())
    rest += [_edit_notes(edited) if edited else {}, rule_since]
    rest.append(tuple(map(tuple, json.loads(off))) if off else ())
    return StoredTask(record, anchor, planned_until, _edits_of(edits), *rest)


_EDITED_TYPES: Mapping[str, type] = {"name": str, "enabled": bool, "trigger_args": dict}


def _edits_of(text: str) -> Edits:
    """Read edits; what is damaged hurts nothing else: it is kept as it is, and not applied."""
    if text == "{}":
        return NO_EDITS
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        found = str(text)[:1000]
    if not isinstance(found, dict):
        return Edits(other={"(damaged)": found})
    own = {
        key: found.pop(key)
        for key, kind in _EDITED_TYPES.items()
        if isinstance(found.get(key), kind)
    }
    return Edits(**own, other=found)


def _edit_notes(text: str) -> dict[str, EditNote]:
    """Read who made which edits; what cannot be read is not known."""
    try:
        return {
            str(key): EditNote(**note)
            for key, note in json.loads(text).items()
            if isinstance(note.get("at"), int)
        }
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


@lru_cache(maxsize=1024)
def _policy_json(policy: Policy) -> str:
    return to_json(asdict(policy))


@lru_cache(maxsize=1024)
def policy_of(text: str) -> Policy:
    """Read a policy; equal ones are one object, however many tasks share it."""
    stored = json.loads(text)
    known = {field.name: stored[field.name] for field in fields(Policy) if field.name in stored}
    for name, kind in (("overlap", Overlap), ("catchup", Catchup), ("on_crash", OnCrash)):
        if name in known:
            known[name] = kind(known[name])
    for name in ("retry_on", "no_retry_on"):
        known[name] = tuple(known.get(name, ()))
    return Policy(**known)


# --- runs ---------------------------------------------------------------------------------------


def new_run_row(run: NewRun, state: State, reason: str, code: ReasonCode | None) -> list[Any]:
    """Return the values of NEW_RUN; a run that is over as it is written ends when it was made."""
    return [
        run.id,
        run.task_id,
        run.fire_time,
        run.cause,
        state,
        run.available_at,
        run.created_at,
        int(run.overlap is not Overlap.ALLOW),
        reason,
        run.stands_for,
        _optional_json(run.arguments),
        run.created_at if state in FINAL else None,
        run.priority,
        code,
    ]


def settled_row(ending: Ending, fence: int) -> list[Any]:
    """Return the values of SETTLED, for a run that is held under `fence`."""
    new, attempt = ending.settlement, ending.attempt
    return [
        attempt.run_id,
        fence,
        new.state,
        new.reason,
        new.failures,
        new.crashes,
        new.available_at,
        _optional_json(new.result),
        attempt.finished_at if new.state in FINAL else None,
        attempt.peak_memory,
        attempt.started_at,
        new.reason_code,
    ]


def run_of(row: Row) -> Run:
    """Read a row of RUN."""
    run = Run(*_read(row, _RUN_READERS))
    if run.reason_code in WAITS and run.state in FINAL:  # a node of an older release ended it
        return replace(run, reason_code=None)
    return run


def active_of(
    run_id: str,
    state: str,
    fire_time: Instant | None,
    node: str | None,
    code: str | None,
    awaits: str | None,
) -> ActiveRun:
    """Read what `statements.ACTIVE_OF_TASKS` says of a run."""
    known = None if code is None else _CODES.get(code)
    return ActiveRun(run_id, _STATES[state], fire_time, node, known, awaits)


def waiting_of(row: Row) -> Waiting:
    """Read the beginning of a row of CANDIDATE."""
    run_id, task_id, fire_time, available_at, attempt, exclusive = row[:6]
    return Waiting(run_id, task_id, fire_time, available_at, attempt, bool(exclusive))


def claim_of(row: Row) -> Claim:
    """Read a row of CANDIDATE as what it is once claimed: attempt and fence are one higher."""
    run_id, task_id, fire_time, _, attempt, _, cause, failures, crashes, fence, *texts = row
    try:
        arguments, checkpoint = (text and json.loads(text) for text in texts)
        damage = ""
    except ValueError as error:
        arguments, checkpoint, damage = None, None, f"its arguments or checkpoint: {error}"
    return Claim(
        run_id,
        task_id,
        fire_time,
        _CAUSES[cause],
        attempt + 1,
        failures,
        crashes,
        fence + 1,
        arguments,
        checkpoint,
        damage=damage,
    )


# --- attempts, lines, nodes ---------------------------------------------------------------------


def attempt_of(row: Row) -> Attempt:
    """Read a row of ATTEMPT."""
    return Attempt(*_read(row, _ATTEMPT_READERS))


def last_attempt_of(run: Run) -> Attempt | None:
    """Return the attempt that succeeded, which is kept in the row of its run."""
    if run.state is not State.SUCCEEDED:
        return None
    assert run.node is not None
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
    return LogLine(*row)


def step_row(step: Step) -> dict[str, Any]:
    """Return the values of STEP by name."""
    return {"key": step.key, "value": to_json(step.value), "at": step.at}


def step_of(row: Row) -> Step:
    """Read a row of STEP."""
    key, value, at = row
    return Step(key, json.loads(value), at)


def node_row(node: Node) -> dict[str, Any]:
    """Return the values of NODE by name."""
    return {column.name: getattr(node, column.name) for column in NODE} | {
        "info": to_json(node.info)
    }


def node_of(row: Row) -> Node:
    """Read a row of NODE."""
    return Node(*_read(row, _NODE_READERS))


# --- audit --------------------------------------------------------------------------------------


def change_row(change: Change) -> list[Any]:
    """Return the values of CHANGE."""
    *plain, before, after = (getattr(change, column.name) for column in CHANGE)
    return [*plain, _optional_json(before), _optional_json(after)]


def change_of(row: Row) -> Change:
    """Read a row of CHANGE."""
    return Change(*_read(row, _CHANGE_READERS))


# --- how stored values become ours --------------------------------------------------------------

_CAUSES = {cause.value: cause for cause in Cause}  # calling the class takes ten times as long
_STATES = {state.value: state for state in State}
_CODES = {code.value: code for code in ReasonCode}
_Readers = list[tuple[int, Callable[[Any], Any]]]


def _readers(columns: Sequence[Column[Any]], **readers: Callable[[Any], Any]) -> _Readers:
    names = [column.name for column in columns]
    return [(names.index(name), reader) for name, reader in readers.items()]


def _read(row: Row, readers: _Readers) -> list[Any]:
    values = list(row)
    for index, reader in readers:
        values[index] = reader(values[index])
    return values


_RUN_READERS = _readers(
    RUN,
    cause=_CAUSES.__getitem__,
    state=_STATES.__getitem__,
    exclusive=bool,
    arguments=_from_json,
    result=_from_json,
    progress=_from_json,
    reason_code=_CODES.get,  # one of a later release is none
)
_ATTEMPT_READERS = _readers(ATTEMPT, outcome=OutcomeKind)
_NODE_READERS = _readers(NODE, info=json.loads)
_CHANGE_READERS = _readers(CHANGE, face=Face, verb=Verb, before=_from_json, after=_from_json)
