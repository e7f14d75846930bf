"""Assembling a configuration: the file, the environment over it, then validation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from rota.config.environment import Override, overrides, sections
from rota.config.jsonfile import Document, read
from rota.config.mistakes import found, together
from rota.errors import ConfigError

if TYPE_CHECKING:
    from rota.config.model import Xcorecfg

__all__ = ["Document", "assembled", "leaves", "read"]

Config = TypeVar("Config", bound="Xcorecfg")


def assembled(cls: type[Config], document: Document, environ: Mapping[str, str]) -> Config:
    """Apply the environment to a document and validate it; raises ConfigError or Mistakes."""
    changes, errors = overrides(environ, cls)
    errors = [*_misspelt_sections(document, cls), *errors]
    for change in changes:
        errors += _laid(change, document.data)
    by_path = {change.path: change for change in changes}

    def place(path: tuple[str, ...]) -> str:
        change = by_path.get(path[:2]) or by_path.get(path[:1])
        return change.place if change else document.place(path)

    try:
        config = cls.model_validate(document.data)
    except ValidationError as error:
        raise together([*found(error, cls, place), *errors]) from None
    if errors:
        raise together(errors)
    config._sources.update(_sources(document, changes))
    return config


def leaves(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested dicts as one dict of dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            flat |= leaves(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _laid(change: Override, data: dict[str, Any]) -> list[ConfigError]:
    """Set one override in `data`; returns an error if the file has no object on its path."""
    inner = data
    for level, key in enumerate(change.path[:-1], 1):
        inner = inner.setdefault(key, {})
        if not isinstance(inner, dict):
            what = f"{'.'.join(change.path[:level])!r} in the file is not an object."
            return [ConfigError(what, where=change.place, remedy="Fix the file or unset it.")]
    inner[change.path[-1]] = change.value
    return []


def _misspelt_sections(document: Document, cls: type[BaseModel]) -> list[ConfigError]:
    """Reject an unknown top-level object whose name and keys are nearly those of a section."""
    known = dict(sections(cls))
    errors = []
    for name, value in document.data.items():
        close = get_close_matches(name.lower(), known, 1, 0.8)
        if name in known or not close or not isinstance(value, dict):
            continue
        if known[close[0]].model_fields.keys() & value.keys():
            where = document.place((name,))
            hint = f"Did you mean {close[0]!r}?"
            errors.append(ConfigError("no such section.", where=where, remedy=hint))
    return errors


def _sources(document: Document, changes: Iterable[Override]) -> dict[str, str]:
    sources = dict.fromkeys(leaves(document.data), f"file {document.name}")
    sources |= {".".join(change.path): f"environment {change.variable}" for change in changes}
    return sources
