"""One beat for all loops."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rota.runtime.cadence import BEAT, until_beat

NOW = st.floats(0, 1e8)  # three years of uptime


@given(NOW, st.sampled_from([BEAT, 2 * BEAT, 1.0]))
def test_the_next_multiple_is_waited_for(now: float, every: float) -> None:
    wait = until_beat(now, every)
    assert 0 < wait <= every
    ahead = (now + wait) % every
    assert min(ahead, every - ahead) < 1e-6


@given(NOW)
def test_a_longer_beat_falls_on_a_shorter_one(now: float) -> None:
    at = now + until_beat(now, 2 * BEAT)
    assert min(at % BEAT, BEAT - at % BEAT) < 1e-6
