"""Ledgers whose server can be ended, and whose wire can be cut."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.ledger.desk import Desk
from tests.fault.ledger.proxy import Proxy
from tests.postgres import Postgres
from tests.postgres import postgres as postgres


@pytest.fixture
def proxy(postgres: Postgres) -> Iterator[Proxy]:
    """A wire to the server."""
    proxy = Proxy(postgres.socket)
    yield proxy
    proxy.close()


@pytest.fixture
def near(postgres: Postgres) -> Iterator[Desk]:
    """An open ledger, directly."""
    with Desk(postgres.url()) as desk:
        yield desk


@pytest.fixture
def far(near: Desk, postgres: Postgres, proxy: Proxy) -> Iterator[Desk]:
    """The same ledger, through the proxy."""
    schema = near.ledger.url.partition("schema=")[2]
    with Desk(postgres.url(schema, server=proxy.address), clock=near.clock) as desk:
        yield desk
