"""Instants and datetimes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.core.time import from_datetime, to_datetime, to_iso


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_survives_the_conversion_to_datetime_and_back(moment: datetime) -> None:
    assert to_datetime(from_datetime(moment)) == moment


def test_other_zones_name_the_same_instant() -> None:
    east = timezone(timedelta(hours=2))
    assert from_datetime(datetime(2024, 1, 1, 2, tzinfo=east)) == from_datetime(
        datetime(2024, 1, 1, tzinfo=UTC)
    )


def test_naive_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        from_datetime(datetime(2024, 1, 1))


def test_iso_ends_in_z() -> None:
    assert to_iso(1_700_000_000_000_000) == "2023-11-14T22:13:20Z"
    assert to_iso(1_700_000_000_500_000) == "2023-11-14T22:13:20.500000Z"
