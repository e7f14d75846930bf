from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import rota.config
from rota.caching import CacheManager


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
    """None for the memory; a server, where ROTA_TEST_REDIS_URL names one."""
    if request.param == "memory":
        return None
    url = os.environ.get("ROTA_TEST_REDIS_URL")
    if url is None:
        pytest.skip("ROTA_TEST_REDIS_URL names no Redis server")
    return url
