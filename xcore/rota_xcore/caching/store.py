"""What a place for cached texts must be able to do."""

from __future__ import annotations

from typing import Any, Protocol

ENDLESS = -1
ABSENT = -2


class Store(Protocol):
    """Texts by key, each kept for a number of seconds (None: for ever)."""

    async def get(self, key: str) -> str | None:
        """Return the text of `key`, None where there is none."""

    async def set(self, key: str, text: str, ttl: float | None) -> None:
        """Keep `text` for `ttl` seconds from now, in the place of any other."""

    async def delete(self, *keys: str) -> int:
        """Drop these keys; return how many there were."""

    async def expire(self, key: str, ttl: float) -> bool:
        """Let `key` end `ttl` seconds from now; False where it is absent."""

    async def ttl(self, key: str) -> int:
        """Return the whole seconds left, rounded up; ENDLESS, ABSENT."""

    async def keys(self, pattern: str) -> list[str]:
        """List the keys that match a glob pattern (`*`, `?`, `[ab]`)."""

    async def ping(self) -> bool:
        """Say whether the store answers."""

    async def info(self) -> dict[str, Any]:
        """Describe the store in a few words and numbers."""

    async def close(self) -> None:
        """Let go of connections; the next use opens them anew."""
