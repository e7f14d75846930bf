"""Reads rows of CANDIDATE as runs offered to the engine, and as claims."""

from __future__ import annotations

from typing import Any

from rota.core.ports.records import NO_STEPS, Claim, Damage, Waiting
from rota.core.run import Cause
from rota.ledger.sql import forms
from rota.ledger.sql.json_batch import Row
from rota.ledger.sql.soundness import EARLIEST, LATEST, found, parsed

_CAUSES = {cause.value: cause for cause in Cause}  # calling the class takes ten times as long


def waiting_of(row: Row) -> Waiting:
    """Read the beginning of a row of CANDIDATE."""
    run_id, task_id, fire_time, available_at, attempt, exclusive = row[:6]
    options, priority = row[13:15]
    own = None if options is None else options_of(options)
    return Waiting(
        run_id, task_id, fire_time, available_at, attempt, bool(exclusive), priority, own
    )


def options_of(text: Any) -> dict[str, Any]:
    """Read the options of a run; damaged ones, which its claim names, are none."""
    try:
        return forms.options_of(text)
    except ValueError:
        return {}


def claim_of(row: Row) -> Claim:
    """Read a row of CANDIDATE as what it is once claimed: attempt and fence are one higher."""
    run_id, task_id, fire_time, _, attempt, _, cause, failures, crashes, fence = row[:10]
    arguments, checkpoint, options, first = row[10], row[11], row[13], row[16]
    replay, replay_time = row[17], row[18]
    damage = ""
    try:
        if arguments:
            arguments = parsed(arguments)
        if checkpoint:
            checkpoint = parsed(checkpoint)
        if options is not None:
            options = forms.options_of(options)
    except ValueError as error:
        damage = f"its arguments, options or checkpoint: {error}"
        arguments = checkpoint = options = None
    return Claim(  # by position: one is made for every run
        run_id,
        task_id,
        fire_time if replay_time is None else replay_time,
        _CAUSES[cause],
        attempt + 1,
        failures,
        crashes,
        fence + 1,
        arguments,
        checkpoint,
        NO_STEPS,
        damage,
        options,
        first if isinstance(first, int) else None,
        replay,
    )


def flaw_of(row: Row) -> str:
    """Return why a run of CANDIDATE cannot be started as it is, mostly ""."""
    fire_time = row[2]
    if (
        row[11] is row[12] is row[13] is None
        and (row[10] is None or _is_object(row[10]))
        and type(row[4]) is type(row[7]) is type(row[8]) is type(row[9]) is int
        and row[6] in _CAUSES
        and (row[16] is None or type(row[16]) is int)
        and (fire_time is None or (type(fire_time) is int and EARLIEST <= fire_time <= LATEST))
        and row[17] is row[18] is None
    ):
        return ""
    damages: list[Damage] = []
    forms.CANDIDATES.read(row, note=damages.append)
    for damage in damages:
        found.add(damage)
    return "; ".join(f"column {one.column} holds {one.what}" for one in damages)


def _is_object(text: Any) -> bool:
    """Return whether the arguments of a run are sound."""
    if text == "{}":
        return True
    try:
        return isinstance(parsed(text), dict)
    except ValueError:
        return False


def flaw_of_step(run_id: str, key: str, value: Any) -> str:
    """Return what is wrong with the value of a step, mostly ""."""
    try:
        parsed(value)
    except ValueError as error:
        found.add(Damage("steps", f"{run_id} {key}", "value", str(error)))
        return str(error)
    return ""
