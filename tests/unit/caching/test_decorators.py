"""@cached, @cached_property and @cache_evict."""

from __future__ import annotations

from typing import Any

import pytest

from rota_xcore.caching import CacheManager, cache_evict, cached, cached_property

pytestmark = pytest.mark.asyncio


async def test_cached_calls_once_per_arguments() -> None:
    calls: list[int] = []

    @cached
    async def square(number: int, *, power: int = 2) -> int:
        """Square it."""
        calls.append(number)
        return int(number**power)

    assert [await square(2), await square(2), await square(number=2, power=2)] == [4, 4, 4]
    assert await square(3) == 9
    assert calls == [2, 3]
    assert (square.__name__, square.__doc__) == ("square", "Square it.")


async def test_cached_writes_under_its_key() -> None:
    @cached(ttl=60, key="user:{user_id}")
    async def load(user_id: int) -> dict[str, int]:
        return {"id": user_id}

    await load(7)
    cache = CacheManager()
    assert await cache.get("user:7") == {"id": 7}
    assert 0 < await cache.ttl("user:7") <= 60


async def test_cached_remembers_none_and_gives_the_same_every_time() -> None:
    calls = []

    @cached
    async def nothing() -> None:
        calls.append(1)

    @cached
    async def pair() -> Any:
        return (1, 2)

    await nothing()
    await nothing()
    assert len(calls) == 1
    assert await pair() == await pair() == [1, 2]


async def test_cached_does_not_remember_a_failure() -> None:
    calls = []

    @cached
    async def flaky() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("once")
        return 5

    with pytest.raises(ValueError, match="once"):
        await flaky()
    assert await flaky() == 5


async def test_cached_methods_leave_self_out_of_the_key() -> None:
    class Shop:
        @cached
        async def price(self, product: str) -> int:
            return len(product)

    assert await Shop().price("tea") == 3
    [key] = await CacheManager().keys()
    assert key.endswith('Shop.price:{"product": "tea"}')


async def test_cached_asks_for_a_key_where_arguments_make_none() -> None:
    @cached
    async def load(user: object) -> int:
        return 1

    with pytest.raises(TypeError, match="Give @cached a key"):
        await load(object())


async def test_decorators_refuse_plain_functions() -> None:
    def plain() -> int:
        return 1

    with pytest.raises(TypeError, match="lru_cache"):
        cached(plain)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="async def"):
        cache_evict("x")(plain)  # type: ignore[arg-type]


async def test_cache_evict_forgets_after_success_only() -> None:
    cache = CacheManager()
    for key in ("product:1", "product:2", "stock:1", "stock:*", "stock:12"):
        await cache.set(key, 1)

    @cache_evict("product:*", "stock:{product_id}", cache=cache)
    async def change(product_id: Any, *, fail: bool = False) -> str:
        if fail:
            raise ValueError("refused")
        return "done"

    with pytest.raises(ValueError, match="refused"):
        await change(1, fail=True)
    assert len(await cache.keys()) == 5
    assert await change("*") == "done"
    assert await cache.keys() == ["stock:1", "stock:12"]
    await change(1)
    assert await cache.keys() == ["stock:12"]


class Report:
    """Counts how often its properties are computed."""

    def __init__(self) -> None:
        self.calls = 0

    @cached_property
    def total(self) -> object:
        """The total."""
        self.calls += 1
        return object()

    @cached_property
    async def remote(self) -> object:
        self.calls += 1
        return object()

    @cached_property(ttl=0)
    def fresh(self) -> int:
        self.calls += 1
        return self.calls

    @cached_property(ttl=3600)
    async def kept(self) -> int:
        self.calls += 1
        return self.calls


async def test_cached_property_computes_once_per_instance() -> None:
    report, other = Report(), Report()
    assert report.total is report.total
    assert await report.remote is await report.remote
    assert report.calls == 2
    assert report.total is not other.total
    assert type(report).total.__doc__ == "The total."


async def test_cached_property_with_ttl_and_del() -> None:
    report = Report()
    assert (report.fresh, report.fresh) == (1, 2)
    assert (await report.kept, await report.kept) == (3, 3)
    del report.kept
    assert await report.kept == 4
