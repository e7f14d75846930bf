"""The section `calendars` of `config.json`: the business days that tasks name."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rota.config.sections import Checked, Name


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
