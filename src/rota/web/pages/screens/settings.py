"""The screen Settings: every effective value and its origin, without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from rota.config import Xcorecfg
from rota.config.environment import sections
from rota.core.secrets import MASK, redact_value
from rota.web.audited_routes import USER
from rota.web.pages.layout import PageLayout

OWN = "own"


@dataclass(frozen=True, slots=True)
class Setting:
    """One key with its effective value."""

    name: str
    value: Any
    source: str  # default, file, environment or program
    place: str  # which file or variable
    meaning: str

    @property
    def is_hidden(self) -> bool:
        """Whether its value is a secret."""
        return bool(self.value == MASK)


@dataclass(frozen=True, slots=True)
class Section:
    """A section of keys."""

    id: str
    title: str
    meaning: str
    settings: list[Setting]


def add(router: APIRouter, layout: PageLayout) -> None:
    """Add the screen."""

    @router.get("/settings")
    def show_settings(
        request: Request, only: Annotated[str, Query(max_length=10)] = ""
    ) -> Response:
        every = list(_sections(layout.manager.config))
        given = [section for one in every if (section := _given(one)).settings]
        values: dict[str, Any] = {
            "now": layout.now(),
            **_tokens(layout, request),
            "sections": given if only == "given" else every,
            "only": "given" if only == "given" else "",
            "count": sum(len(one.settings) for one in every),
            "given_count": sum(len(one.settings) for one in given),
        }
        return layout.show(request, "settings.html", **values)


def _tokens(layout: PageLayout, request: Request) -> dict[str, Any]:
    now, every = layout.now(), layout.manager.tokens()
    closed = any(token.is_valid(now) and not token.once for token in every)
    is_open = layout.manager.config.manager.access == "local" and not closed
    return {
        "tokens": [token for token in every if token.keeps(now)],
        "visitor": request.scope.get(USER, ""),
        "access": "open" if is_open else "closed",
    }


def _given(section: Section) -> Section:
    given = [one for one in section.settings if one.source != "default"]
    return Section(section.id, section.title, section.meaning, given)


def _sections(config: Xcorecfg) -> Iterator[Section]:
    values, sources = config.model_dump(mode="json"), config.sources()
    fields, parts = type(config).model_fields, dict(sections(type(config)))
    top = [name for name in fields if name not in parts]
    yield Section("general", "General", "", _settings("", values, top, type(config), sources))
    for name, model in parts.items():
        inner = _settings(f"{name}.", values[name], list(values[name]), model, sources)
        yield Section(name, name, fields[name].description or "", inner)
    own = [name for name in values if name not in fields and name != "$schema"]
    if own:
        settings = _settings("", values, own, type(config), sources)
        yield Section(OWN, "The application's own", "", settings)


def _settings(
    prefix: str,
    values: dict[str, Any],
    names: list[str],
    model: type[BaseModel],
    sources: dict[str, str],
) -> list[Setting]:
    return [
        _setting(name, values[name], _source(f"{prefix}{name}", sources), model) for name in names
    ]


def _setting(name: str, value: Any, source: str, model: type[BaseModel]) -> Setting:
    field = model.model_fields.get(name)
    kind, _, place = source.partition(" ")
    meaning = field.description if field and field.description else ""
    return Setting(name, redact_value(name, value), kind, place, meaning)


def _source(key: str, sources: dict[str, str]) -> str:
    """Return the origin of a key; for a key with inner keys, the origin of the first."""
    inner = (source for name, source in sources.items() if name.startswith(f"{key}."))
    return sources.get(key) or next(inner, "default")
