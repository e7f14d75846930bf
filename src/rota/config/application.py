"""The sections of `config.json` that are the application's own: its database and its cache."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from rota.config.sections import Checked, Count, CountOrZero, Name, Seconds, checked_url


class DatabaseSection(Checked):
    """The application's own database, as `database.db` opens it."""

    url: Annotated[str, AfterValidator(checked_url)] = Field(
        "sqlite:///app.db", description="SQLAlchemy URL."
    )
    echo: bool = Field(False, description="Whether every SQL statement is logged.")
    pool_size: Count = Field(5, description="Connections kept open.")
    max_overflow: Annotated[int, Field(ge=-1, le=1_000_000)] = Field(
        10, description="Connections beyond pool_size while they are needed; -1: no limit."
    )
    pool_timeout: Seconds = Field(30, description="Seconds to wait for a free connection.")


class RedisSection(Checked):
    """The Redis server of the cache; if it is not enabled, the cache is in memory."""

    enabled: bool = Field(False, description="Whether the cache uses this Redis server.")
    host: Name = Field("localhost", description="Host name or address.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(6379, description="Port.")
    db: CountOrZero = Field(0, description="Number of the database on the server.")
    password: str | None = Field(None, description="Password; null: none.")
    max_connections: Count = Field(10, description="Most connections open at once.")
    default_ttl: Seconds = Field(3600, description="Seconds that a value is kept by default.")
    key_prefix: str = Field("cache:", max_length=200, description="Put before every key.")

    @property
    def url(self) -> str:
        """The server as a redis:// URL, password included: never print it unmasked."""
        from urllib.parse import quote

        password = f":{quote(self.password, safe='')}@" if self.password else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis://{password}{host}:{self.port}/{self.db}"
