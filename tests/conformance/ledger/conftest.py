"""The ledgers under test: one entry here is all that another one needs to take part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from tests.conformance.ledger.desk import Desk
from tests.postgres import postgres as postgres


class Kind(NamedTuple):
    """A kind of ledger: the address of an empty one, and whether two can share it."""

    url: Callable[[pytest.FixtureRequest], str]
    is_shared: bool


KINDS = {
    "memory": Kind(lambda request: "memory://", is_shared=False),
    "sqlite": Kind(
        lambda request: f"sqlite:///{request.getfixturevalue('tmp_path') / 'rota.db'}",
        is_shared=True,
    ),
    "postgres": Kind(lambda request: request.getfixturevalue("postgres").url(), is_shared=True),
}


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest) -> str:
    """The address of an empty ledger."""
    return KINDS[request.param].url(request)


@pytest.fixture(params=[name for name, kind in KINDS.items() if kind.is_shared])
def shared_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty ledger that several nodes can open."""
    return KINDS[request.param].url(request)


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
