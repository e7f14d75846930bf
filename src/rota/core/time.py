"""Instants: whole microseconds since 1970-01-01T00:00:00Z, the one form of time inside rota.

An integer sorts, subtracts and is stored the same everywhere; a `datetime` appears only at the
edges, always aware and in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

Instant = int

SECOND: Instant = 1_000_000
MINUTE: Instant = 60 * SECOND
HOUR: Instant = 60 * MINUTE
DAY: Instant = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_datetime(instant: Instant) -> datetime:
    """Return the aware UTC datetime of `instant`; raises OverflowError past the year 9999."""
    return _EPOCH + timedelta(microseconds=instant)


def from_datetime(moment: datetime) -> Instant:
    """Return the instant of an aware `moment`; raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return (moment - _EPOCH) // _MICROSECOND


def to_iso(instant: Instant) -> str:
    """Return `instant` as ISO 8601 in UTC, with a `Z`, and without a fraction if the seconds are
    whole.
    """
    return to_datetime(instant).isoformat().replace("+00:00", "Z")


def seconds(value: float) -> Instant:
    """Return seconds as the span's microseconds."""
    return round(value * SECOND)
