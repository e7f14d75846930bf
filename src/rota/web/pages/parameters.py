"""The parameters of a task's function as the fields of a form, and what was filled in there."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from rota.core.task import TaskDefinition
from rota.discovery.functions import facts_of
from rota.web.problems import Problem

PREFIX = "arg-"
"""What the name of such a field begins with."""

_KINDS = {"str": "text", "int": "whole number", "float": "number", "bool": "yes or no"}
_OWN = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field: what it takes, and what it is where nothing is filled in."""

    name: str
    kind: str  # text, whole number, number, yes or no; else JSON
    default: str


def parameters(definition: TaskDefinition) -> list[Parameter]:
    """Return what can be passed to a task by keyword."""
    signature = facts_of(definition.func).signature
    given = signature.parameters.values() if signature else ()
    return [
        Parameter(one.name, _kind(one), _shown(definition.kwargs.get(one.name, one.default)))
        for one in list(given)[len(definition.args) :]
        if one.kind in _OWN
    ]


def arguments(definition: TaskDefinition, form: Mapping[str, str]) -> dict[str, Any] | None:
    """Read the filled-in fields; raises Problem for what is no such value."""
    filled = {
        one.name: _read(one, text)
        for one in parameters(definition)
        if (text := form.get(f"{PREFIX}{one.name}", ""))
    }
    return filled or None


def _kind(parameter: inspect.Parameter) -> str:
    annotation = parameter.annotation
    if annotation is not parameter.empty:
        return _KINDS.get(getattr(annotation, "__name__", str(annotation)), "JSON")
    return _KINDS.get(type(parameter.default).__name__, "JSON")


def _shown(default: Any) -> str:
    if default is inspect.Parameter.empty:
        return ""
    if isinstance(default, str):
        return default
    try:
        return json.dumps(default, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(default)


def _read(parameter: Parameter, text: str) -> Any:
    if parameter.kind == "text":
        return text
    try:
        value = json.loads(text)
        fits = {
            "whole number": type(value) is int,
            "number": type(value) in (int, float),
            "yes or no": type(value) is bool,
        }
        if fits.get(parameter.kind, True):
            return value
    except (ValueError, RecursionError):
        pass
    remedy = "Texts stand in double quotes there." if parameter.kind == "JSON" else ""
    raise Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"{parameter.name}: {text[:100]!r} is not {_named(parameter.kind)}.",
        kind="invalid",
        remedy=remedy or "Correct it, or leave the field empty.",
    )


def _named(kind: str) -> str:
    return kind if kind in ("JSON", "yes or no") else f"a {kind}"
