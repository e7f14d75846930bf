"""An answer that took long to find is kept for a while, for everybody."""

from __future__ import annotations

from rota.testing import FakeClock
from rota.web.pages.parts.cost_cache import SHARE, CostCache


def test_an_answer_is_kept_in_proportion_to_its_cost() -> None:
    clock = FakeClock()
    cache = CostCache[int](clock)
    found: list[int] = []

    def find() -> int:
        clock.advance(2)
        found.append(len(found))
        return found[-1]

    assert cache.get("a", find) == 0
    clock.advance(2 * SHARE - 0.1)
    assert cache.get("a", find) == 0
    assert cache.get("b", find) == 1
    clock.advance(0.2)
    assert cache.get("a", find) == 2


def test_only_the_last_questions_are_kept() -> None:
    clock = FakeClock()
    cache = CostCache[int](clock)

    def find() -> int:
        clock.advance(1000)
        return 0

    for key in range(100):
        cache.get(key, find)
    assert len(cache._kept) <= 32
