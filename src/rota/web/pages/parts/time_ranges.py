"""The time ranges of some screens, chosen in their URL."""

from __future__ import annotations

from typing import NamedTuple

from rota.core.time import DAY, HOUR, Instant


class TimeRange(NamedTuple):
    """A time range with its names: in the URL, on a button, in a sentence."""

    key: str
    short: str
    name: str
    length: Instant


SPANS = (
    TimeRange("1h", "1 h", "hour", HOUR),
    TimeRange("6h", "6 h", "6 hours", 6 * HOUR),
    TimeRange("24h", "24 h", "24 hours", DAY),
    TimeRange("3d", "3 d", "3 days", 3 * DAY),
    TimeRange("7d", "7 d", "7 days", 7 * DAY),
)
USUAL = SPANS[2]


def span_of(key: str) -> TimeRange:
    """Return the range of this key, or the default one for an unknown key."""
    return next((one for one in SPANS if one.key == key), USUAL)
