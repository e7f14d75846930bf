"""The cache on a Redis server, through redis-py."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from rota.errors import ConfigError
from rota.runtime import fork_safety

if TYPE_CHECKING:
    from redis.asyncio import Redis

_BATCH = 500


class RedisStore:
    """A store on the server at `url`, with one client per event loop, created on first use."""

    def __init__(self, url: str, *, max_connections: int = 10) -> None:
        self._url = url
        self._max_connections = max_connections
        self._lock = fork_safety.new_lock()
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()

    async def get(self, key: str) -> str | None:
        text = await self._client().get(key)
        return text.decode() if isinstance(text, bytes) else text

    async def set(self, key: str, text: str, ttl: float | None) -> None:
        await self._client().set(key, text, px=_milliseconds(ttl) if ttl else None)

    async def delete(self, *keys: str) -> int:
        client, count = self._client(), 0
        for start in range(0, len(keys), _BATCH):
            count += await client.unlink(*keys[start : start + _BATCH])
        return count

    async def expire(self, key: str, ttl: float) -> bool:
        return bool(await self._client().pexpire(key, _milliseconds(ttl)))

    async def ttl(self, key: str) -> int:
        left: int = await self._client().pttl(key)
        return left if left < 0 else math.ceil(left / 1000)

    async def keys(self, pattern: str) -> list[str]:
        return [key async for key in self._client().scan_iter(match=pattern, count=_BATCH)]

    async def ping(self) -> bool:
        from redis.exceptions import RedisError

        try:
            return bool(await self._client().ping())
        except (RedisError, OSError):
            return False

    async def info(self) -> dict[str, Any]:
        from rota.config import redact_url

        told = await self._client().info()
        kept = ("redis_version", "used_memory", "connected_clients")
        return {"backend": "redis", "url": redact_url(self._url), **{k: told.get(k) for k in kept}}

    async def close(self) -> None:
        with self._lock:
            client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _client(self) -> Redis:
        """Return the client of this event loop: a connection belongs to the loop that opened it."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop not in self._clients:
                self._clients[loop] = _connected(self._url, self._max_connections)
            return self._clients[loop]


def _connected(url: str, max_connections: int) -> Redis:
    from rota.config import redact_url

    try:
        from redis.asyncio import BlockingConnectionPool, Redis
    except ImportError:
        raise ConfigError(
            "the cache is configured to use Redis, but the package 'redis' is not installed.",
            where=redact_url(url),
            remedy="Run: pip install 'rota[redis]'",
        ) from None
    try:
        pool = BlockingConnectionPool.from_url(
            url, max_connections=max_connections, decode_responses=True
        )
    except ValueError as error:
        raise ConfigError(
            f"is not a Redis URL ({error}).",
            where=redact_url(url),
            remedy="Write redis://host:6379/0, rediss:// for TLS.",
        ) from None
    return Redis.from_pool(pool)


def _milliseconds(ttl: float) -> int:
    return max(1, round(ttl * 1000))
