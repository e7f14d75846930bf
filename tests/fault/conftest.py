"""After each fault, the record of every ledger that was there is verified against the rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault.sound import ledgers_in, unsound


@pytest.fixture(autouse=True)
def sound_record(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Verify what the test leaves; `@pytest.mark.unsound(reason)` says why it may not be sound."""
    yield
    if request.node.get_closest_marker("unsound") is None:
        for url in ledgers_in(tmp_path):
            assert unsound(url) == []
