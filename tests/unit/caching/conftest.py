from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

import rota.config
from rota_xcore.caching import CacheManager
from tests.brokers import Redis
from tests.brokers import redis as redis


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test in an empty directory, with an empty memory and no process configuration."""
    monkeypatch.chdir(tmp_path)
    rota.config.use(None)
    yield
    rota.config.use(None)
    asyncio.run(CacheManager(key_prefix="").clear())


@pytest.fixture(params=["memory", "redis"])
def redis_url(request: pytest.FixtureRequest) -> str | None:
    """None for the memory, or the address of a real server."""
    if request.param == "memory":
        return None
    server: Redis = request.getfixturevalue("redis")
    return server.url
