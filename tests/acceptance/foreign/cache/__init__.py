"""A `cache` package of the user's own; it has nothing to do with rota."""

from typing import Any

OWNER = "the user"


class CacheManager:
    """Keeps values for as long as it lives."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    async def set(self, key: str, value: Any, ttl: int) -> None:
        """Keep a value."""
        self._values[key] = value

    async def get(self, key: str) -> Any:
        """Return a value, or None."""
        return self._values.get(key)
