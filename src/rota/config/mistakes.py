"""Turning pydantic's errors into errors with a place and a remedy, all of them at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from rota.config.sections import no_such_key
from rota.core.secrets import redact_value
from rota.errors import ConfigError, Mistakes, RotaError, nearest

MOST_UNKNOWN = 20
MOST_MISTAKES = 100
"""The most mistakes that are listed: unknown keys, and others."""

Place = Callable[[tuple[str, ...]], str]


def explained(error: ValidationError, model: type[BaseModel], place: Place) -> RotaError:
    """Return `error` of `model` as one ConfigError, or as Mistakes."""
    return together(found(error, model, place))


def together(errors: Sequence[ConfigError]) -> RotaError:
    """Return the only error, or all of them as Mistakes."""
    return errors[0] if len(errors) == 1 else Mistakes(errors)


def found(error: ValidationError, model: type[BaseModel], place: Place) -> list[ConfigError]:
    """List every mistake in `error`, each at its `place`."""
    details = error.errors(include_url=False, include_context=False)
    room = {True: MOST_UNKNOWN, False: MOST_MISTAKES}
    mistakes: list[ConfigError] = []
    for detail in details:
        is_unknown = detail["type"] == "extra_forbidden"
        room[is_unknown] -= 1
        if room[is_unknown] >= 0:  # finding the nearest known name of each would take too long
            mistakes.append(_one(detail, model, place))
    left = len(details) - len(mistakes)
    if left:
        where = place(tuple(map(str, details[-1]["loc"]))[:1])
        mistakes.append(ConfigError(f"{left:,} more mistakes are not listed.", where=where))
    return mistakes


def _one(detail: ErrorDetails, model: type[BaseModel], place: Place) -> ConfigError:
    path = tuple(map(str, detail["loc"]))
    where = place(path)
    parent, field = _resolved(path, model)
    if detail["type"] == "extra_forbidden":
        what, hint = no_such_key(parent, path[-1])
        return ConfigError(what, where=where, remedy=hint)
    value = detail["input"]
    remedy = f"It is: {field.description}" if field and field.description else ""
    if detail["type"] == "model_type":
        return ConfigError(f"{_quoted(path, value)} is not a section.", where=where, remedy=remedy)
    if detail["type"] == "literal_error" and isinstance(value, str) and field:
        remedy = _spelling(value, field) or remedy
    return ConfigError(f"{_quoted(path, value)} {_said(detail)}", where=where, remedy=remedy)


def _said(detail: ErrorDetails) -> str:
    """Return pydantic's sentence as the end of ours."""
    said = re.sub(r"^(Value error, |Input |String )", "", detail["msg"])
    said = said.replace("should be", "must be").replace("should have", "must have")
    return said if said.endswith(("?", ".")) else f"{said}."


def _resolved(
    path: tuple[str, ...], model: type[BaseModel]
) -> tuple[type[BaseModel], FieldInfo | None]:
    """Return the model that the last known key of a path belongs to, and that key's field."""
    field = model.model_fields.get(path[0]) if path else None
    inner = field.annotation if field else None
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return (inner, inner.model_fields.get(path[1])) if len(path) > 1 else (model, field)
    return model, field


def _quoted(path: tuple[str, ...], value: Any) -> str:
    """Return a value as JSON, in at most sixty characters and without secrets."""
    name = next((part for part in reversed(path) if not part.isdigit()), "")
    safe = redact_value(name, [value])[0] if not isinstance(value, dict) else {}
    text = json.dumps(safe, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _spelling(value: str, field: FieldInfo) -> str:
    from typing import get_args

    words = [
        word
        for part in (field.annotation, *get_args(field.annotation))
        for word in get_args(part)
        if isinstance(word, str)
    ]
    hint = nearest(value, words)
    return hint if hint.startswith("Did") else ""
