"""The sections `calendars` and `windows` of `config.json`: business days, and maintenance."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from rota.config.sections import Checked, Name, Seconds, time_zone


class CalendarSection(Checked):
    """A calendar: the days of its sources together, and its weekend, are no business days."""

    country: Name | None = Field(
        None, description="ISO 3166 code of a country whose public holidays are in it, like DE."
    )
    subdivision: Name | None = Field(
        None, description="The part of the country, as the holidays package names it, like BE."
    )
    market: Name | None = Field(
        None, description="Code (ISO 10383) of a financial market whose holidays are in it."
    )
    ics: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        None, description="Path of an iCalendar file whose all-day events are in it."
    )
    dates: list[Annotated[str, Field(max_length=200)]] | None = Field(
        None,
        description="Dates like 2026-12-24, or 12-24 for each year; a name may follow a blank.",
    )
    weekend: Annotated[str, Field(max_length=80)] | None = Field(
        None,
        description="Days of the weekend, like fri,sat, or none; null: those of the country and of"
        " the calendars in plus, else sat,sun.",
    )
    plus: list[Name] | None = Field(
        None, description="Names of other calendars whose days are in it as well."
    )


_Scope = Annotated[list[Name], Field(max_length=10_000)]
_Moment = Annotated[str, Field(max_length=100)]


class WindowSection(Checked):
    """A maintenance window: when it is, which tasks it is about, and what happens to them."""

    since: _Moment | None = Field(
        None, description="Its begin, like 2026-12-24 18:00; null: it has always been."
    )
    until: _Moment | None = Field(None, description="Its end; null: it has none.")
    crontab: Annotated[str, Field(max_length=1000)] | None = Field(
        None, description="In place of since and until: the times at which it begins."
    )
    duration: Seconds | None = Field(
        None, description="With crontab: how many seconds it lasts from each of these times."
    )
    timezone: Annotated[str, AfterValidator(time_zone)] | None = Field(
        None, description="Time zone of its times; null: manager.timezone."
    )
    all: bool = Field(False, description="Whether it is about every task.")
    tags: _Scope = Field(default_factory=list, description="It is about tasks with these tags.")
    tasks: _Scope = Field(default_factory=list, description="It is about tasks with these ids.")
    action: Literal["skip", "delay", "allow"] = Field(
        "skip",
        description="What happens to occurrences: skip; delay: the first one runs at the end of"
        " the window; allow: they run whatever other windows say.",
    )
    reason: Annotated[str, Field(max_length=1000)] = Field("", description="Shown with the runs.")
