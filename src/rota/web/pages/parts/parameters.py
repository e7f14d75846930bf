"""The parameters of a task's function as fields of a form, and reading the values filled in."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from http import HTTPStatus
from typing import Any
from uuid import UUID

from rota.core.secrets import redact_value
from rota.core.task import TaskDefinition
from rota.definitions.arguments import AnnotationForm, MismatchError, parameters_of
from rota.manager import TaskManager
from rota.web.problems import Problem

PREFIX = "arg-"
"""The prefix of the name of such a field."""

_KINDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "yes or no",
    date: "date",
    datetime: "date and time",
    time: "time of day",
    Decimal: "decimal number",
    UUID: "UUID",
}
_CHECKED = {"whole number": (int,), "number": (int, float), "yes or no": (bool,)}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field: the kind of its values, and its default."""

    name: str
    kind: str  # text, whole number, number, yes or no, date …; otherwise JSON
    default: str
    form: AnnotationForm


def parameters(definition: TaskDefinition) -> list[Parameter]:
    """Return the parameters of a task that can be passed by keyword."""
    return [
        Parameter(
            one.name,
            _kind(one, form),
            _shown(one.name, definition.kwargs[one.name])
            if one.name in definition.kwargs
            else _default(one, form),
            form,
        )
        for one, form in parameters_of(definition.func).passed_by_name(definition.args)
    ]


def asks(manager: TaskManager, task_id: str) -> bool:
    """Return whether a task has parameters, so that its form must be filled in before a run."""
    entry = manager.services.engine.registry.get(task_id)
    if entry is None:
        return False
    code = entry.definition
    return bool(parameters_of(code.func).passed_by_name(code.args))


def arguments(definition: TaskDefinition, form: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the filled-in values; raises Problem, which names each field with a bad value."""
    filled: dict[str, Any] = {}
    errors: list[dict[str, str]] = []
    for one in parameters(definition):
        text = form.get(f"{PREFIX}{one.name}", "")
        if not text:
            continue
        try:
            filled[one.name] = _read(one, text)
        except MismatchError as why:
            remedy = "In JSON, texts need double quotes." if one.kind == "JSON" else ""
            errors.append(
                {
                    "detail": str(why),
                    "where": f"arguments.{one.name}",
                    "remedy": remedy or "Correct it, or leave the field empty.",
                }
            )
    if errors:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "; ".join(
                f"{one['where'].removeprefix('arguments.')}: {one['detail']}" for one in errors
            )
            + ".",
            kind="invalid",
            remedy=errors[0]["remedy"],
            errors=errors,
        )
    return filled or None


def _kind(parameter: inspect.Parameter, form: AnnotationForm) -> str:
    annotation = form.annotation
    if annotation is parameter.empty:
        annotation = type(parameter.default)
    return _KINDS.get(annotation, "JSON") if isinstance(annotation, type) else "JSON"


def _default(parameter: inspect.Parameter, form: AnnotationForm) -> str:
    """Return a default as it would be filled in; "" if it has no such form."""
    try:
        return (
            ""
            if parameter.default is parameter.empty
            else _shown(parameter.name, form.stored(parameter.default))
        )
    except MismatchError:
        return ""


def _shown(name: str, value: Any) -> str:
    value = redact_value(name, value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(parameter: Parameter, text: str) -> Any:
    """Return the value of a field; raises MismatchError."""
    if parameter.kind == "text":
        return parameter.form.stored(text)
    fits = _CHECKED.get(parameter.kind)
    if fits is None and not parameter.form.is_plain:
        return parameter.form.read(text)
    try:
        value = json.loads(text)
        if fits is None or type(value) in fits:
            return parameter.form.stored(value)
    except (ValueError, RecursionError):
        pass
    raise MismatchError(f"{text[:100]!r} is not {_named(parameter.kind)}")


def _named(kind: str) -> str:
    return kind if kind in ("JSON", "yes or no") else f"a {kind}"
