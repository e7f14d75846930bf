"""`CacheManager`: get, set and delete JSON values under a prefix."""

from __future__ import annotations

import json
from glob import escape
from typing import Any

from rota.runtime import fork_safety
from rota_xcore.caching.memory import MemoryStore
from rota_xcore.caching.store import ABSENT, Store

DEFAULT_TTL = 3600
DEFAULT_PREFIX = "cache:"

_memory = MemoryStore()  # one for the process, shared by every CacheManager without a server


class CacheManager:
    """A cache of JSON values, each kept for `ttl` seconds (`default_ttl` None: without expiry).

    Without a `redis_url`, the `redis` section of the configuration decides on first use. If it is
    enabled, its server, `default_ttl` and `key_prefix` replace the defaults. Otherwise values are
    kept in this process's memory. Creating a manager opens no connection. It may be used from the
    event loop of any thread.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        default_ttl: float | None = DEFAULT_TTL,
        key_prefix: str = DEFAULT_PREFIX,
    ) -> None:
        self._url = redis_url
        self._default_ttl = _checked(default_ttl)
        self._prefix = key_prefix
        self._lock = fork_safety.new_lock()
        self._store: Store | None = None

    async def get(self, key: str, default: Any = None) -> Any:
        """Return the value of `key`, or `default` if there is none."""
        text = await self._opened().get(self._full(key))
        return default if text is None else json.loads(text)

    async def set(self, key: str, value: Any, ttl: float | None = None) -> None:
        """Store `value` for `ttl` seconds (None: the default); raises TypeError if not JSON."""
        store = self._opened()
        _checked(ttl)
        await store.set(self._full(key), _text(key, value), ttl or self._default_ttl)

    async def delete(self, key: str) -> bool:
        """Delete `key`; returns whether it existed."""
        return await self._opened().delete(self._full(key)) > 0

    async def exists(self, key: str) -> bool:
        """Return whether `key` has a value."""
        return await self._opened().ttl(self._full(key)) != ABSENT

    async def expire(self, key: str, ttl: float) -> bool:
        """Let `key` expire `ttl` seconds from now; returns False if it has no value."""
        _checked(ttl)
        return await self._opened().expire(self._full(key), ttl)

    async def ttl(self, key: str) -> int:
        """Return the seconds left, rounded up; -1: no expiry, -2: no such key (as in Redis)."""
        return await self._opened().ttl(self._full(key))

    async def keys(self, pattern: str = "*") -> list[str]:
        """Return the keys that match a glob pattern, sorted, without the prefix."""
        found = await self._opened().keys(self._glob(pattern))
        return sorted(key.removeprefix(self._prefix) for key in found)

    async def delete_pattern(self, pattern: str) -> int:
        """Delete the keys that match a glob pattern; returns their number."""
        store = self._opened()
        found = await store.keys(self._glob(pattern))
        return await store.delete(*found) if found else 0

    async def clear(self) -> int:
        """Delete every key under this prefix, and no other; returns their number."""
        return await self.delete_pattern("*")

    async def ping(self) -> bool:
        """Return whether the cache responds."""
        return await self._opened().ping()

    async def info(self) -> dict[str, Any]:
        """Return `backend` ("memory" or "redis"), `keys` (their number) and the settings."""
        store = self._opened()
        return {
            **await store.info(),
            "keys": len(await store.keys(self._glob("*"))),
            "key_prefix": self._prefix,
            "default_ttl": self._default_ttl,
        }

    async def close(self) -> None:
        """Close the connections of this event loop; the next use opens new ones."""
        if self._store is not None:
            await self._store.close()

    def _full(self, key: str) -> str:
        return self._prefix + key

    def _glob(self, pattern: str) -> str:
        return escape(self._prefix) + pattern

    def _opened(self) -> Store:
        """Return the store, chosen on first use; raises ConfigError for a broken configuration."""
        with self._lock:
            if self._store is None:
                self._store = self._chosen()
            return self._store

    def _chosen(self) -> Store:
        from rota_xcore.caching.server import RedisStore

        if self._url is not None:
            return RedisStore(self._url)
        from rota.config import current

        redis = current().redis
        if not redis.enabled:
            return _memory
        if self._default_ttl == DEFAULT_TTL:
            self._default_ttl = redis.default_ttl
        if self._prefix == DEFAULT_PREFIX:
            self._prefix = redis.key_prefix
        return RedisStore(redis.url, max_connections=redis.max_connections)


def _checked(ttl: float | None) -> float | None:
    if ttl is not None and not 0 < ttl <= 1_000_000_000:
        raise ValueError(f"a ttl must be a number of seconds above 0, not {ttl!r}")
    return ttl


def _text(key: str, value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"the value of {key!r} cannot be cached: {error}. "
            "Pass texts, numbers, true/false, None, lists and dicts of these."
        ) from None
