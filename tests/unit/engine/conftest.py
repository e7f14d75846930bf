"""What the tests of loops have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.engine.context import Bench, opened


@pytest.fixture
def bench() -> Iterator[Bench]:
    """What one loop is built from, alone."""
    with opened() as bench:
        yield bench
