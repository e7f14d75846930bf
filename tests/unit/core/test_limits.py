"""The rule of rates, against a plain count of all that started."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.core.limits import Rate, rate_of
from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant

RATES = st.builds(Rate, st.integers(1, 100_000), st.sampled_from([SECOND, MINUTE, HOUR, DAY]))


@given(RATES, st.lists(st.floats(0, 3), min_size=1, max_size=400))
def test_no_span_sees_more_starts_than_its_count(rate: Rate, pauses: list[float]) -> None:
    now, full_until = 0, None
    starts: list[Instant] = []
    for pause in pauses:
        now += round(pause * rate.gap)
        if rate.earliest(full_until, now) <= now:
            full_until = rate.spent(full_until, now)
            starts.append(now)
    for place, start in enumerate(starts):
        inside = [other for other in starts[place:] if other < start + rate.per]
        assert len(inside) <= rate.count


@given(RATES)
def test_a_crowd_starts_almost_as_fast_as_the_rate_says(rate: Rate) -> None:
    now, full_until = 0, None
    wanted = min(rate.count, 300)
    for _ in range(wanted):
        now = rate.earliest(full_until, now)
        full_until = rate.spent(full_until, now)
    assert now <= rate.per * wanted / rate.count * 1.06 + 1 + wanted


@given(RATES, st.integers(0, 10 * DAY))
def test_a_clock_that_was_ahead_holds_nothing_back_for_longer_than_one_start(
    rate: Rate, ahead: Instant
) -> None:
    full_until = rate.spent(None, ahead)
    assert rate.earliest(full_until, 0) <= rate.gap
    assert rate.spent(full_until, 0) <= (rate.burst + 1) * rate.gap


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1/s", Rate(1, SECOND)),
        ("10/m", Rate(10, MINUTE)),
        ("500/h", Rate(500, HOUR)),
        ("1000000/d", Rate(1_000_000, DAY)),
    ],
)
def test_a_rate_is_read(text: str, rate: Rate) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize(
    "text", ["", "10", "0/m", "-1/m", "1.5/s", "10/min", "10 / m", "1000001/d", "1/w", "١/s"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        rate_of(text)
