"""A PostgreSQL beside the files, and ledgers to copy between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.ledger.desk import Desk
from tests.postgres import postgres as postgres
from tests.unit.ledger.copies import Address, fill


@pytest.fixture
def file(tmp_path: Path) -> Address:
    """Makes addresses of files that do not exist."""
    numbers = iter(range(100))
    return lambda: f"sqlite:///{tmp_path / f'{next(numbers)}.db'}"


@pytest.fixture(params=["file", "server"])
def place(request: pytest.FixtureRequest, file: Address) -> Address:
    """Makes addresses of either kind at which nothing is yet."""
    return file if request.param == "file" else request.getfixturevalue("postgres").url


@pytest.fixture(params=["file", "server"])
def source(request: pytest.FixtureRequest, file: Address) -> Iterator[str]:
    """The address of a ledger that has something of everything."""
    with ExitStack() as lent:
        if request.param == "file":
            url = file()
        else:
            url = lent.enter_context(request.getfixturevalue("postgres").ledger())
        with Desk(url) as desk:
            fill(desk)
        yield url
