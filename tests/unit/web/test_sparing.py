"""An answer that took long to find is kept for a while, for everybody."""

from __future__ import annotations

from rota.testing import FakeClock
from rota.web.pages.parts.cost_cache import SHARE, Sparing


def test_an_answer_is_kept_in_proportion_to_its_cost() -> None:
    clock = FakeClock()
    sparing = Sparing[int](clock)
    found: list[int] = []

    def find() -> int:
        clock.advance(2)
        found.append(len(found))
        return found[-1]

    assert sparing.get("a", find) == 0
    clock.advance(2 * SHARE - 0.1)
    assert sparing.get("a", find) == 0
    assert sparing.get("b", find) == 1
    clock.advance(0.2)
    assert sparing.get("a", find) == 2


def test_only_the_last_questions_are_kept() -> None:
    clock = FakeClock()
    sparing = Sparing[int](clock)

    def find() -> int:
        clock.advance(1000)
        return 0

    for key in range(100):
        sparing.get(key, find)
    assert len(sparing._kept) <= 32
