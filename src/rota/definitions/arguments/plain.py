"""JSON as it is: the values that a ledger gives back equal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rota.core.json_depth import DEEPEST


class NotPlain(Exception):
    """Why a value is not JSON, as the rest of a sentence."""


def plain(value: Any) -> Any:
    """Return a copy of a JSON value, a tuple as a list; raises NotPlain for what JSON, or a
    ledger, cannot hold as it is."""
    return _copy(value, "", 0)


def _copy(value: Any, place: str, depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is int:
        return value
    if kind is str:
        return _text(value, place)
    if kind is float:
        return _number(value, place)
    if isinstance(value, list | tuple | Mapping):
        if depth >= DEEPEST:
            raise NotPlain(f"is nested more than {DEEPEST} levels deep")
        if isinstance(value, Mapping):
            return {
                _key(key, place): _copy(inner, f"{place}[{key!r}]", depth + 1)
                for key, inner in value.items()
            }
        return [_copy(inner, f"{place}[{n}]", depth + 1) for n, inner in enumerate(value)]
    if isinstance(value, str):  # as members of a StrEnum are
        return _text(str.__str__(value), place)
    if isinstance(value, int):
        return int.__index__(value)
    if isinstance(value, float):
        return _number(float.__float__(value), place)
    raise NotPlain(
        f"holds a value of type {kind.__name__}{_at(place)}, and JSON does not know that"
    )


def _key(key: Any, place: str) -> str:
    if not isinstance(key, str):
        raise NotPlain(f"has a key of type {type(key).__name__}{_at(place)}; in JSON it is a text")
    return _text(str.__str__(key), place)


def _text(text: str, place: str) -> str:
    if "\0" in text:
        raise NotPlain(f"holds a NUL character{_at(place)}")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise NotPlain(f"holds half a surrogate pair{_at(place)}")
    return text


def _number(number: float, place: str) -> float:
    if not math.isfinite(number):
        raise NotPlain(f"holds {number}{_at(place)}; JSON has no NaN and no infinity")
    return number


def _at(place: str) -> str:
    return f" at {place[:100]}" if place else ""
