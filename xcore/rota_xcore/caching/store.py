"""The interface of a store of cached texts."""

from __future__ import annotations

from typing import Any, Protocol

ENDLESS = -1
ABSENT = -2


class Store(Protocol):
    """A store of texts by key, each kept for a number of seconds (None: without expiry)."""

    async def get(self, key: str) -> str | None:
        """Return the text of `key`, or None if there is none."""

    async def set(self, key: str, text: str, ttl: float | None) -> None:
        """Store `text` for `ttl` seconds from now, replacing any other."""

    async def delete(self, *keys: str) -> int:
        """Delete these keys; returns how many existed."""

    async def expire(self, key: str, ttl: float) -> bool:
        """Let `key` expire `ttl` seconds from now; returns False if it is absent."""

    async def ttl(self, key: str) -> int:
        """Return the seconds left, rounded up, or ENDLESS or ABSENT."""

    async def keys(self, pattern: str) -> list[str]:
        """Return the keys that match a glob pattern (`*`, `?`, `[ab]`)."""

    async def ping(self) -> bool:
        """Return whether the store responds."""

    async def info(self) -> dict[str, Any]:
        """Return a description of the store."""

    async def close(self) -> None:
        """Close the connections; the next use opens new ones."""
