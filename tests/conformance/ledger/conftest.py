"""The ledgers under test: one entry here is all that another one needs to take part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conformance.ledger.desk import Desk
from tests.postgres import postgres as postgres
from tests.postgres import postgres_ledger as postgres_ledger


class Kind(NamedTuple):
    """A kind of ledger: the fixture that has an empty one, and whether two can share it."""

    url: str
    is_shared: bool


KINDS = {
    "memory": Kind("memory", is_shared=False),
    "sqlite": Kind("sqlite", is_shared=True),
    "postgres": Kind("postgres_ledger", is_shared=True),
}


@pytest.fixture
def memory() -> str:
    """The address of an empty ledger in memory."""
    return "memory://"


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """The address of an empty ledger in a file."""
    return f"sqlite:///{tmp_path / 'rota.db'}"


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest) -> str:
    """The address of an empty ledger."""
    return str(request.getfixturevalue(KINDS[request.param].url))


@pytest.fixture(params=[name for name, kind in KINDS.items() if kind.is_shared])
def shared_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty ledger that several nodes can open."""
    return str(request.getfixturevalue(KINDS[request.param].url))


@pytest.fixture
def desk(url: str) -> Iterator[Desk]:
    """An open ledger of each kind."""
    with Desk(url) as desk:
        yield desk


@pytest.fixture
def two_desks(shared_url: str) -> Iterator[tuple[Desk, Desk]]:
    """The same ledger, opened twice as by two nodes."""
    with Desk(shared_url) as one, Desk(shared_url, clock=one.clock) as other:
        yield one, other
