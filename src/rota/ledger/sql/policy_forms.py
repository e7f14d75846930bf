"""What the policy of a task may hold in the ledger."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from functools import lru_cache
from typing import Any, get_type_hints

from rota.core.task import Catchup, OnCrash, Overlap, Policy
from rota.ledger.sql.soundness import LARGEST, mapping


@lru_cache(maxsize=1024)
def policy_of(text: str) -> Policy:
    """Return a policy read from JSON; equal ones are one object, however many tasks share it.
    Raises ValueError for a text that is no policy. Options of a later release are left out."""
    stored = mapping(text)
    known = {field.name: stored[field.name] for field in fields(Policy) if field.name in stored}
    for name, kind in (("overlap", Overlap), ("catchup", Catchup), ("on_crash", OnCrash)):
        if name in known:
            known[name] = kind(known[name])
    for name in ("retry_on", "no_retry_on", "overlap_key", "tags"):
        known[name] = _texts(known.get(name, []))
    for field in fields(Policy):
        value = known.get(field.name, field.default)
        if not _is_like(value, field.default, field.name):
            raise ValueError(f"JSON whose {field.name} is of another kind")
        if is_number(value) and not is_possible(value, field.name):
            raise ValueError(f"JSON whose {field.name} is an impossible number")
    if stored.get("retry_delays"):
        known["retry_delay"] = _delays(stored["retry_delays"])
    return Policy(**known)


def _delays(value: Any) -> tuple[float, ...]:
    if not isinstance(value, list) or not all(
        is_number(one) and is_possible(one, "retry_delay") for one in value
    ):
        raise ValueError("JSON whose retry_delays is no list of numbers")
    return tuple(map(float, value))


_NUMBERS_OR_NONE = frozenset(
    name for name, hint in get_type_hints(Policy).items() if hint in (int | None, float | None)
)


_LEAST = {"max_crashes": 1, "retry_backoff": 1, "priority": -LARGEST}
_MOST = {"retry_backoff": 1_000}
_LONGEST_SPAN = 10**10
"""Seconds, three hundred years: a time that far away can still be written."""


def is_possible(value: float, name: str) -> bool:
    """Return whether a definition may have this number in its policy; an impossible one would break
    a count or a sum over all tasks."""
    most = _MOST.get(name, LARGEST if isinstance(value, int) else _LONGEST_SPAN)
    return _LEAST.get(name, 0) <= value <= most


def _is_like(value: Any, default: Any, name: str) -> bool:
    """Return whether a policy's value is of the same kind as its default."""
    if name in _NUMBERS_OR_NONE:
        return value is None or is_number(value)
    if default is None:
        return value is None or isinstance(value, str)
    return is_number(value) if is_number(default) else isinstance(value, type(default))


def is_number(value: Any) -> bool:
    """Return whether a value of JSON is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("JSON that is no list of texts")
    return tuple(value)


@lru_cache(maxsize=1024)
def policy_json(policy: Policy) -> str:
    """Return a policy as JSON. A list of delays has a key of its own: a node of the release before
    reads the first of them.
    """
    values = asdict(policy)
    if isinstance(policy.retry_delay, tuple):
        values |= {"retry_delay": policy.retry_delay[0], "retry_delays": policy.retry_delay}
    return json.dumps(values, separators=(",", ":"))
