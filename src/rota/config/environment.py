"""Environment variables that override the file: `XCORE_` + path, `__` between levels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from rota.config.inherited import PREFIX
from rota.config.sections import no_such_key
from rota.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Override:
    """One environment variable: its name, the path of the key it sets, and the value."""

    variable: str
    path: tuple[str, ...]
    value: Any

    @property
    def place(self) -> str:
        """The origin of the value, for messages."""
        return f"environment variable {self.variable}"


def overrides(
    environ: Mapping[str, str], model: type[BaseModel]
) -> tuple[list[Override], list[ConfigError]]:
    """Return the variables that set keys of `model`, and the errors in their names."""
    found: list[Override] = []
    errors: list[ConfigError] = []
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        if problem := _problem(path, model):
            where = f"environment variable {variable}"
            errors.append(ConfigError(problem[0], where=where, remedy=problem[1]))
        else:
            found.append(Override(variable, path, _value(environ[variable], path, model)))
    return found, errors


def _problem(path: tuple[str, ...], model: type[BaseModel]) -> tuple[str, str] | None:
    """Return what is wrong with a path and how to fix it; None if nothing is."""
    top, *rest = path
    parts = dict(sections(model))
    if not all(path):
        return "has an empty level in its name.", "Write XCORE_SECTION__KEY."
    if top in parts:
        keys = list(parts[top].model_fields)
        if not rest:
            example = f"{PREFIX}{top}__{keys[0]}".upper()
            return "names a whole section.", f"Name one key of it, like {example}."
        if len(rest) > 1 or rest[0] not in keys:
            what, hint = no_such_key(parts[top], "__".join(rest))
            return what.replace("no such key", f"section {top!r} has no such key"), hint
    elif top in model.model_fields and rest:
        return f"{top!r} has no keys of its own.", f"Write {PREFIX}{top.upper()}."
    else:
        return _slip(top, rest, parts)
    return None


def _slip(top: str, rest: list[str], parts: dict[str, type[BaseModel]]) -> tuple[str, str] | None:
    """Find a single underscore between levels, or a misspelt section.

    None means that the variable is the application's own.
    """
    for name, section in parts.items():
        key = get_close_matches(top.removeprefix(f"{name}_"), section.model_fields, 1, 0.8)
        if top.startswith(f"{name}_") and key and not rest:
            meant = f"{PREFIX}{name}__{key[0]}".upper()
            return "has a single underscore between its levels.", f"Write {meant}."
    close = get_close_matches(top, parts, 1, 0.8)
    if close and rest and rest[0] in parts[close[0]].model_fields:
        return f"there is no section {top!r}.", f"Did you mean {close[0]!r}?"
    return None


def sections(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the name and the model of each section of `model`."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name, field.annotation


def _value(text: str, path: tuple[str, ...], model: type[BaseModel]) -> Any:
    """Parse a text as the type of its key, a list as JSON.

    A text that does not parse is returned unchanged: validation reports it.
    """
    field = _field(path, model)
    if field is None or field.annotation is None:
        return _json(text, text)
    if type(None) in get_args(field.annotation) and text.lower() in ("", "null", "none"):
        return None
    if text.startswith("[") and any(get_origin(one) is list for one in get_args(field.annotation)):
        return _json(text, text)
    try:
        return TypeAdapter(field.annotation).validate_strings(text)
    except ValidationError:
        return _json(text, text)


def _field(path: tuple[str, ...], model: type[BaseModel]) -> FieldInfo | None:
    section = dict(sections(model)).get(path[0])
    return section.model_fields[path[1]] if section else model.model_fields.get(path[0])


def _json(text: str, default: Any) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return default
