"""The ledgers under test: one entry here is all that another one needs to take part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conformance.ledger.desk import Desk


class Kind(NamedTuple):
    """A kind of ledger: its address for a test's directory, and whether two can share one."""

    url: Callable[[Path], str]
    is_shared: bool


KINDS = {
    "memory": Kind(lambda directory: "memory://", is_shared=False),
    "sqlite": Kind(lambda directory: f"sqlite:///{directory / 'rota.db'}", is_shared=True),
}


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger."""
    return KINDS[request.param].url(tmp_path)


@pytest.fixture(params=[name for name, kind in KINDS.items() if kind.is_shared])
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger that several nodes can open."""
    return KINDS[request.param].url(tmp_path)


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
