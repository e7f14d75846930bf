"""The edits of a task, applied to its code as far as they fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from rota.core.ports.records import EDITABLE, Edits, StoredTask, TaskRecord
from rota.core.task import Edit, TaskDefinition
from rota.core.time import Instant, to_datetime
from rota.core.trigger import Trigger
from rota.definitions.define import json_args
from rota.definitions.edits import as_text, made
from rota.definitions.options import OPTIONS
from rota.definitions.readers import ClockChange, Refusal
from rota.errors import DefinitionError, TriggerError, nearest
from rota.triggers import anchored, parse, resolved
from rota.triggers.calendars.naming import Calendars
from rota.triggers.parsing import without_none
from rota.triggers.trigger_errors import quoted

_NONE: Calendars = {}


class Laid(NamedTuple):
    """The effective values of a task, and its edits; those with a mistake are not applied."""

    name: str
    enabled: bool
    trigger_args: Mapping[str, Any]
    trigger: Trigger
    edits: tuple[Edit, ...]


def laid_over(
    code: TaskDefinition, record: TaskRecord, stored: StoredTask, otherwise: Trigger
) -> Laid:
    """Return the edits of a task applied to its code; raises nothing.

    `record` is the code as the ledger writes it. `otherwise` is the code's own trigger, for an
    anchor that is damaged.
    """
    given = stored.edits.given()
    if not given:
        rule = _own(code, stored.anchor, otherwise)
        return Laid(code.name, code.enabled, code.trigger_args, rule, ())
    mistakes = {key: _why_not(code, key, value, stored.anchor) for key, value in given.items()}
    edits = tuple(
        _edit(key, value, record, stored, mistakes[key]) for key, value in sorted(given.items())
    )
    held = {key: value for key, value in given.items() if not mistakes[key]}
    if "trigger_args" in held:
        rule = parse_edited(code, held["trigger_args"], stored.anchor)
    else:
        note = stored.edited.get("trigger_args") if "trigger_args" in given else None
        anchor = stored.anchor if note is None or note.anchor is None else note.anchor
        rule = _own(code, anchor, otherwise)
    return Laid(
        held.get("name", code.name),
        held.get("enabled", code.enabled),
        held.get("trigger_args", code.trigger_args),
        rule,
        edits,
    )


def parse_edited(
    code: TaskDefinition, args: Mapping[str, Any], anchor: Instant | None = None
) -> Trigger:
    """Return the trigger that edited arguments give a task; raises TriggerError."""
    return parse(
        code.trigger,
        args,
        timezone=code.timezone,
        dst=code.dst,
        anchor=anchor,
        task_id=code.id,
    )


def unread_edits(stored: StoredTask) -> tuple[Edit, ...]:
    """Return the edits of a task whose code is not here: whether they fit is not known."""
    return tuple(
        _edit(key, value, stored.record, stored, "")
        for key, value in sorted(stored.edits.given().items())
    )


def checked_edits(
    code: TaskDefinition | TaskRecord, given: Mapping[str, Any], calendars: Calendars = _NONE
) -> Edits:
    """Return edits, checked like the task's own code, with the definitions of the `calendars` that
    they name; raises DefinitionError, TriggerError."""
    values = dict(given)
    for key in given:
        if key not in EDITABLE:
            remedy = nearest(key, EDITABLE)
            raise DefinitionError("it cannot be edited.", where=key[:80], remedy=remedy)
        try:
            values[key] = OPTIONS[key].read(given[key])
        except Refusal as refusal:
            raise DefinitionError(
                f"{quoted(given[key])} {refusal.why}.", where=key, remedy=refusal.remedy
            ) from None
    if "trigger_args" in values:
        dst = code.dst if isinstance(code, TaskDefinition) else _dst_of(code)
        try:
            args = json_args(resolved(without_none(values["trigger_args"]), calendars))
            parse(code.trigger, args, timezone=code.timezone, dst=dst, task_id=code.id)
        except TriggerError as error:
            raise TriggerError(
                error.what,
                field=error.field,
                text=error.text,
                where=f"trigger_args.{error.field}",
                remedy=error.remedy,
            ) from None
        values["trigger_args"] = args
    return Edits(**values)


def _dst_of(record: TaskRecord) -> str:
    """Return the rule for clock changes of a task whose code is on another node: it is part of the
    fingerprint of its times.
    """
    for rule in ClockChange:
        if fingerprint(record.trigger, record.trigger_args, record.timezone, rule.value) == (
            record.schedule
        ):
            return rule.value
    return ClockChange.ADJUST.value


def fingerprint(trigger: str, args: Mapping[str, Any], timezone: str, dst: str) -> str:
    """Return a text that changes when the times of a task do; `args` are as JSON has them."""
    text = json.dumps([trigger, args, timezone, dst], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def checked_keys(keys: tuple[str, ...], given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys to reset: all that are edited if none is named; raises DefinitionError."""
    for key in keys:
        if key not in EDITABLE and key not in given:
            raise DefinitionError(
                f"{key[:80]!r} cannot be edited, so there is nothing to reset.",
                where=key[:80],
                remedy=nearest(key, EDITABLE),
            )
    return keys or tuple(given)


def mistake_of(id: str, edits: tuple[Edit, ...]) -> str:
    """Return why a task is broken, and how to fix it; "" if all its edits fit."""
    wrong = [edit for edit in edits if edit.mistake]
    if not wrong:
        return ""
    said = "; ".join(
        f"the edit {edit.key}={as_text(edit.value)}{made(edit)} is not applied: {edit.mistake}"
        for edit in wrong
    )
    keys = " ".join(edit.key for edit in wrong if edit.key.isidentifier())
    return f"{said} It runs by its code. `rota reset {id}{f' {keys}' if keys else ''}` corrects it."


def _own(code: TaskDefinition, anchor: Instant, otherwise: Trigger) -> Trigger:
    rule = None if code.rule is None else anchored(code.rule, code.trigger_args, anchor)
    if rule is not None:
        return rule
    try:
        return parse_edited(code, code.trigger_args, anchor)
    except TriggerError:  # with this anchor alone: the definition was checked
        return otherwise


def _why_not(code: TaskDefinition, key: str, value: Any, anchor: Instant) -> str:
    """Return why an edit does not fit the code; "" if it does."""
    try:
        if key == "trigger_args":
            parse_edited(code, value, anchor)
        elif key not in EDITABLE:
            return "this release cannot read it."
        else:
            OPTIONS[key].read(value)
    except TriggerError as error:
        return f"it does not fit the {code.trigger} trigger of the code: {error.what}"
    except Refusal as refusal:
        return f"the value {refusal.why}."
    except Exception as error:  # what the ledger holds may be damaged in any way
        return f"it cannot be read ({type(error).__name__})."
    return ""


def _edit(key: str, value: Any, record: TaskRecord, stored: StoredTask, mistake: str) -> Edit:
    code, note = getattr(record, key) if key in EDITABLE else None, stored.edited.get(key)
    if note is None:
        return Edit(key, value, code, mistake)
    has_moved = code != note.over or note.schedule not in (None, record.schedule)
    try:
        at = to_datetime(note.at)
    except OverflowError:
        at = None
    return Edit(
        key, value, code, mistake, note.over if has_moved else None, has_moved, at, note.by,
        note.reason,
    )  # fmt: skip
