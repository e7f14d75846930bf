"""What each column of each table may hold, and what is read in place of an invalid value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Column

from rota.core.audit import Change, Face, Verb
from rota.core.outcome import OutcomeKind
from rota.core.pauses import Pause
from rota.core.ports.records import NO_EDITS, EditNote, Edits, NodeRecord
from rota.core.reasons import ReasonCode
from rota.core.run import Attempt, Cause, LogLine, Run, State, Step
from rota.core.task import Policy
from rota.ledger.schema.tables import attempts, audit, logs, nodes, runs, steps, tasks
from rota.ledger.sql.policy_forms import is_number, is_possible, policy_of
from rota.ledger.sql.soundness import (
    COUNT,
    FLAG,
    INSTANT,
    JSON,
    LARGEST,
    MAPPING,
    MOMENT,
    NOTHING,
    TEXT,
    ColumnForm,
    ColumnKind,
    mapping,
    maybe,
    parsed,
    unreadable,
    words,
)

CODES = {code.value: code for code in ReasonCode}
"""Calling the class takes ten times as long."""

_ANY = ColumnKind(lambda value: value)

# --- JSON of one shape --------------------------------------------------------------------------


_EDITED: Mapping[str, type] = {"name": str, "enabled": bool, "trigger_args": dict}


def _edits(text: Any) -> Edits:
    """Return edits read from JSON; those that only a later release knows are kept."""
    if text == "{}":
        return NO_EDITS
    found = mapping(text)
    for key, kind in _EDITED.items():
        if found.get(key) is not None and not isinstance(found[key], kind):
            raise ValueError(f"JSON whose {key} is of another kind")
    own = {key: found.pop(key) for key in _EDITED if key in found}
    return Edits(**own, other=found)


def _damaged_edits(text: Any) -> Edits:
    """Return the readable part of edits; the rest is kept as it is, and not applied."""
    try:
        found = mapping(text)
    except ValueError:
        return Edits(other={"(damaged)": str(text)[:1000]})
    own = {key: found.pop(key) for key, kind in _EDITED.items() if isinstance(found.get(key), kind)}
    return Edits(**own, other=found)


def edits_of(text: Any) -> Edits:
    """Return edits read from JSON; damage in one affects no other: it is kept as it is, and not
    applied."""
    try:
        return _edits(text)
    except ValueError:
        return _damaged_edits(text)


def _edit_notes(text: Any) -> dict[str, EditNote]:
    if not text:
        return {}
    try:
        notes = {str(key): EditNote(**note) for key, note in mapping(text).items()}
    except TypeError:
        raise ValueError("JSON of another shape") from None
    for note in notes.values():
        INSTANT.read(note.at)
    return notes


def _off(text: Any) -> tuple[Any, ...]:
    if not text:
        return ()
    value = parsed(text)
    if not isinstance(value, list) or not all(isinstance(one, list) for one in value):
        raise ValueError("JSON that is no list of stretches")
    return tuple((INSTANT.read(began), _MAYBE_INSTANT.read(ended)) for began, ended in value)


def _pauses(text: Any) -> tuple[Pause, ...]:
    if not text:
        return ()
    value = parsed(text)
    if not isinstance(value, list) or not all(
        isinstance(one, list) and len(one) == len(Pause._fields) for one in value
    ):
        raise ValueError("JSON that is no list of pauses")
    return tuple(
        Pause(
            *(TEXT.read(scope), INSTANT.read(since), _MAYBE_INSTANT.read(until)),
            *map(TEXT.read, words),
        )
        for scope, since, until, *words in value
    )


def _instants(text: Any) -> tuple[int, ...]:
    if not text:
        return ()
    value = parsed(text)
    if not isinstance(value, list):
        raise ValueError("JSON that is no list")
    return tuple(MOMENT.read(one) for one in value)


def _progress(text: Any) -> dict[str, Any]:
    value = mapping(text)
    done, total, note = value.get("done"), value.get("total"), value.get("note")
    numbers = (done is None or is_number(done)) and (total is None or is_number(total))
    if not numbers or not isinstance(note, str | None):
        raise ValueError("JSON that is no progress")
    return value


_INFO: dict[str, tuple[type, ...]] = {
    "clock_ahead": (int, float, type(None)),
    "running": (int,),
    "tasks": (int,),
    "tick_age": (int, float, type(None)),
    "stuck": (dict, type(None)),
    "queues": (list, type(None)),
}


def _priority(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST:
        raise ValueError("no valid priority")
    return value


_RUN_OPTIONS: dict[str, tuple[type, ...]] = {
    "max_retries": (int,),
    "timeout": (int, float),
    "queue": (str,),
    "tags": (list,),
}


def options_of(text: Any) -> dict[str, Any]:
    """Return the options of one run, read from JSON; those of a later release are left out. Raises
    ValueError."""
    found = mapping(text)
    for name, kinds in _RUN_OPTIONS.items():
        value = found.get(name)
        if name in found and (isinstance(value, bool) or not isinstance(value, kinds)):
            raise ValueError(f"JSON whose {name} is of another kind")
        if isinstance(value, int | float) and not is_possible(value, name):
            raise ValueError(f"JSON whose {name} is an impossible number")
    return {name: value for name, value in found.items() if name in _RUN_OPTIONS}


def _upstream(text: Any) -> dict[str, str]:
    value = mapping(text)
    if not all(isinstance(one, str) for one in value.values()):
        raise ValueError("JSON of another shape")
    return value


def _info(text: Any) -> dict[str, Any]:
    value = mapping(text)
    for name, kinds in _INFO.items():
        if name in value and (isinstance(value[name], bool) or not isinstance(value[name], kinds)):
            raise ValueError(f"JSON whose {name} is of another kind")
    for one in (value.get("queues") or [], (value.get("stuck") or {}).values()):
        if not all(isinstance(item, str) for item in one):
            raise ValueError("JSON of another shape")
    return value


def _node_state(value: Any) -> str:
    if value not in ("up", "draining", "stopped", "gone"):
        raise ValueError("no word that is known")
    return str(value)


def _in_a_mapping(value: Any) -> dict[str, str]:
    return {"(damaged)": unreadable(value)}


_OBJECT = maybe(MAPPING, _in_a_mapping)
_VALUE = maybe(JSON, unreadable)
_MAYBE_TEXT, _MAYBE_INSTANT = maybe(TEXT), maybe(INSTANT)
_MOMENT = maybe(MOMENT._replace(converts=True))
_CAUSE = words(Cause, Cause.SCHEDULE)

# --- rows ---------------------------------------------------------------------------------------


def _form(
    columns: Sequence[Column[Any]], *, named_by: Sequence[str] = ("id",), **kinds: ColumnKind
) -> ColumnForm:
    return ColumnForm(
        columns[0].table.name,
        {one.name: kinds.get(one.name, _ANY) for one in columns},
        key=named_by,
    )


TASKS = _form(
    tuple(tasks.c),
    id=TEXT,
    name=TEXT,
    func_path=TEXT,
    trigger=TEXT,
    timezone=TEXT,
    schedule=TEXT,
    executor=TEXT,
    description=TEXT,
    pause_reason=TEXT,
    trigger_args=MAPPING._replace(instead=lambda _: {}),
    enabled=FLAG,
    policy=ColumnKind(policy_of, Policy(), converts=True),
    file=_MAYBE_TEXT,
    line=maybe(COUNT),
    anchor=INSTANT._replace(instead=None),
    planned_until=INSTANT._replace(instead=None),
    edits=ColumnKind(_edits, _damaged_edits, converts=True),
    paused_since=maybe(INSTANT, 0),
    paused_until=_MAYBE_INSTANT,
    seen_at=INSTANT._replace(instead=None),
    removed_at=maybe(INSTANT, 0),
    revision=COUNT._replace(converts=True),  # one too great would hide all later ones
    skipped=ColumnKind(_instants, (), converts=True),
    limit_group=_MAYBE_TEXT,
    edited=ColumnKind(_edit_notes, lambda _: {}, converts=True),
    dst=_MAYBE_TEXT,
    rule_since=_MAYBE_INSTANT,
    rule_revision=maybe(COUNT),
    off=ColumnKind(_off, (), converts=True),
    pauses=ColumnKind(_pauses, (), converts=True),
)

RUNS = _form(
    tuple(runs.c[field.name] for field in fields(Run)),
    id=TEXT,
    task_id=TEXT,
    fire_time=_MOMENT,
    cause=_CAUSE,
    state=words(State, State.LOST),
    reason=TEXT,
    attempt=COUNT,
    failures=COUNT,
    crashes=COUNT,
    count=COUNT._replace(instead=1),
    exclusive=FLAG,
    available_at=INSTANT,
    created_at=INSTANT,
    started_at=_MAYBE_INSTANT,
    finished_at=_MAYBE_INSTANT,
    attempt_started_at=_MAYBE_INSTANT,
    node=_MAYBE_TEXT,
    fence=COUNT,
    cancel_requested=_MAYBE_TEXT,
    arguments=_OBJECT,
    result=_VALUE,
    progress=maybe(ColumnKind(_progress, None, converts=True)),
    peak_memory=maybe(COUNT),
    reason_code=ColumnKind(CODES.get, None, converts=True),  # one of a later release is none
    priority=ColumnKind(_priority, 0),
    key=_MAYBE_TEXT,
    options=_OBJECT,
    nominal_time=_MAYBE_INSTANT,
    upstream=maybe(ColumnKind(_upstream, None, converts=True)),
    error_type=_MAYBE_TEXT,
    replay=maybe(COUNT),
    replay_time=_MAYBE_INSTANT,
)

CANDIDATES = _form(
    (
        runs.c.id, runs.c.task_id, runs.c.fire_time, runs.c.available_at, runs.c.attempt,
        runs.c.exclusive, runs.c.cause, runs.c.failures, runs.c.crashes, runs.c.fence,
        runs.c.arguments, runs.c.checkpoint, runs.c.finished_at, runs.c.options, runs.c.priority,
        runs.c.overlap_key, runs.c.started_at, runs.c.replay, runs.c.replay_time,
    ),
    fire_time=_MOMENT,
    attempt=COUNT,
    cause=_CAUSE,
    failures=COUNT,
    crashes=COUNT,
    fence=COUNT,
    arguments=_OBJECT,
    checkpoint=_VALUE,
    finished_at=NOTHING,
    options=maybe(ColumnKind(options_of, {}, converts=True)),
    priority=ColumnKind(_priority, 0),
    started_at=_MAYBE_INSTANT,
    replay=maybe(COUNT),
    replay_time=_MAYBE_INSTANT,
)  # fmt: skip
"""The columns of a run that are needed to start it."""

ATTEMPTS = _form(
    tuple(attempts.c[name] for name in Attempt._fields),
    named_by=("run_id", "number"),
    run_id=TEXT,
    number=COUNT,
    node=TEXT,
    started_at=INSTANT,
    finished_at=INSTANT,
    outcome=words(OutcomeKind, OutcomeKind.FAILED),
    error=_MAYBE_TEXT,
    traceback=_MAYBE_TEXT,
    peak_memory=maybe(COUNT),
)

LOGS = _form(
    tuple(logs.c[name] for name in LogLine._fields),
    named_by=("run_id", "attempt", "seq"),
    run_id=TEXT,
    attempt=COUNT,
    seq=COUNT,
    at=INSTANT,
    level=TEXT._replace(instead="INFO"),
    logger=TEXT,
    text=TEXT._replace(instead=unreadable),
)

STEPS = _form(
    tuple(steps.c[field.name] for field in fields(Step)),
    named_by=("key",),
    value=JSON._replace(instead=unreadable),
    at=INSTANT,
)

NODES = _form(
    tuple(nodes.c[field.name] for field in fields(NodeRecord)),
    id=TEXT,
    name=TEXT._replace(instead="?"),
    host=TEXT._replace(instead="?"),
    pid=COUNT,
    version=TEXT._replace(instead="?"),
    slots=COUNT,
    started_at=INSTANT,
    seen_at=INSTANT,
    lease_until=INSTANT,
    state=ColumnKind(_node_state, "gone", converts=True),
    info=ColumnKind(_info, lambda _: {}, converts=True),
)

CHANGES = _form(
    tuple(audit.c[field.name] for field in fields(Change)),
    id=TEXT,
    at=INSTANT,
    face=words(Face, Face.PYTHON),
    who=TEXT,
    verb=words(Verb, Verb.EDIT),
    task_id=_MAYBE_TEXT,
    run_id=_MAYBE_TEXT,
    reason=TEXT,
    before=_OBJECT,
    after=_OBJECT,
)
