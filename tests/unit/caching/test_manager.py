"""What a CacheManager promises, the same in memory and on a Redis server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

import rota.config
from rota.config import Xcorecfg
from rota.errors import ConfigError
from rota_xcore.caching import CacheManager
from rota_xcore.caching.memory import MemoryStore

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def cache(redis_url: str | None) -> AsyncIterator[CacheManager]:
    manager = CacheManager(redis_url, key_prefix=f"test[{uuid4().hex}]:")
    yield manager
    await manager.clear()
    await manager.close()


@pytest.mark.parametrize(
    "value", [None, True, 0, -1.5, "", "12", "naïve", [1, [2]], {"a": {"b": None}}]
)
async def test_values_come_back_as_they_were(cache: CacheManager, value: Any) -> None:
    await cache.set("key", value)
    found = await cache.get("key", "absent")
    assert found == value
    assert type(found) is type(value)


async def test_get_of_an_absent_key(cache: CacheManager) -> None:
    assert await cache.get("absent") is None
    assert await cache.get("absent", 3) == 3


async def test_what_is_handed_out_is_a_copy(cache: CacheManager) -> None:
    await cache.set("list", [1])
    (await cache.get("list")).append(2)
    assert await cache.get("list") == [1]


async def test_delete_and_exists(cache: CacheManager) -> None:
    await cache.set("key", 1)
    assert await cache.exists("key")
    assert await cache.delete("key")
    assert not await cache.delete("key")
    assert not await cache.exists("key")


async def test_ttl_and_expire(cache: CacheManager) -> None:
    await cache.set("key", 1)
    assert 3590 < await cache.ttl("key") <= 3600
    await cache.set("key", 1, ttl=60)
    assert 50 < await cache.ttl("key") <= 60
    assert await cache.expire("key", 600)
    assert 590 < await cache.ttl("key") <= 600
    assert await cache.ttl("absent") == -2
    assert not await cache.expire("absent", 1)


async def test_without_a_default_ttl_values_stay(redis_url: str | None) -> None:
    cache = CacheManager(redis_url, default_ttl=None, key_prefix=f"{uuid4().hex}:")
    await cache.set("key", 1)
    assert await cache.ttl("key") == -1
    await cache.clear()
    await cache.close()


async def test_an_expired_value_is_gone(cache: CacheManager) -> None:
    await cache.set("key", 1, ttl=0.001)
    async with asyncio.timeout(5):
        while await cache.exists("key"):
            pass
    assert await cache.get("key") is None
    assert await cache.keys() == []


async def test_keys_and_patterns(cache: CacheManager) -> None:
    for key in ("product:1", "product:2", "product:10", "user:1", "productX1"):
        await cache.set(key, key)
    assert await cache.keys("product:*") == ["product:1", "product:10", "product:2"]
    assert await cache.keys("product:?") == ["product:1", "product:2"]
    assert await cache.delete_pattern("product:*") == 3
    assert await cache.delete_pattern("product:*") == 0
    assert await cache.keys() == ["productX1", "user:1"]


async def test_clear_leaves_other_prefixes_alone(
    cache: CacheManager, redis_url: str | None
) -> None:
    other = CacheManager(redis_url, key_prefix=f"{uuid4().hex}:")
    await other.set("key", "kept")
    await cache.set("key", "dropped")
    assert await cache.clear() == 1
    assert await other.get("key") == "kept"
    await other.clear()
    await other.close()


async def test_ping_and_info(cache: CacheManager, redis_url: str | None) -> None:
    await cache.set("key", 1)
    assert await cache.ping()
    info = await cache.info()
    assert info["backend"] == ("redis" if redis_url else "memory")
    assert (info["keys"], info["default_ttl"]) == (1, 3600)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x", float("nan"), {"a": object()}])
async def test_what_json_cannot_hold_is_refused(cache: CacheManager, value: Any) -> None:
    with pytest.raises(TypeError, match="'key' cannot be cached"):
        await cache.set("key", value)


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf")])
async def test_a_ttl_is_above_zero(cache: CacheManager, ttl: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        await cache.set("key", 1, ttl=ttl)
    with pytest.raises(ValueError, match="above 0"):
        CacheManager(default_ttl=ttl)


async def test_one_manager_serves_several_event_loops(cache: CacheManager) -> None:
    async def add(number: int) -> None:
        for step in range(50):
            await cache.set(f"{number}:{step}", step)
        await cache.close()

    await asyncio.gather(*(asyncio.to_thread(asyncio.run, add(number)) for number in range(4)))
    assert len(await cache.keys()) == 200


async def test_managers_of_one_process_share_its_memory() -> None:
    await CacheManager().set("key", 1)
    assert await CacheManager().get("key") == 1


async def test_the_redis_section_is_used_where_it_is_enabled() -> None:
    config = Xcorecfg.from_env(environ={"XCORE_REDIS__ENABLED": "true", "XCORE_REDIS__PORT": "1"})
    rota.config.use(config)
    assert not await CacheManager().ping()


async def test_a_url_that_is_none_is_refused_on_first_use() -> None:
    cache = CacheManager("http://user:hunter2@host")
    with pytest.raises(ConfigError) as caught:
        await cache.get("key")
    assert "hunter2" not in str(caught.value)


class FakeTime:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_memory_drops_expired_values_first_then_the_longest_unused() -> None:
    clock = FakeTime()
    store = MemoryStore(limit=2, clock=clock)
    await store.set("short", "1", 1)
    await store.set("old", "2", None)
    clock.now = 1.0
    await store.set("new", "3", 10)
    assert sorted(await store.keys("*")) == ["new", "old"]
    assert await store.get("old") == "2"
    await store.set("newest", "4", 10)
    assert sorted(await store.keys("*")) == ["newest", "old"]


async def test_memory_counts_seconds_exactly() -> None:
    clock = FakeTime()
    store = MemoryStore(clock=clock)
    await store.set("key", "1", 1.5)
    assert await store.ttl("key") == 2
    clock.now = 1.4
    assert await store.get("key") == "1"
    clock.now = 1.5
    assert await store.get("key") is None
    assert await store.ttl("key") == -2
