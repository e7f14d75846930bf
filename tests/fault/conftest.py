"""After each fault, the record of every ledger that was there is verified against the rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault.sound import ledgers_in, unsound
from tests.postgres import lent

ON_SERVERS = ("ledger", "kills", "clocks")
"""The directories whose tests leave ledgers on servers that are verified as well."""


@pytest.fixture(autouse=True)
def sound_record(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Verify what the test leaves in files and on servers. `@pytest.mark.unsound(reason, *codes)`
    says why findings of these codes, or all if none is named, are no fault.
    """
    lent()  # to tests before this one
    yield
    marker = request.node.get_closest_marker("unsound")
    if marker is not None and len(marker.args) == 1:
        return
    expected = () if marker is None else marker.args[1:]
    servers = lent() if request.path.parent.name in ON_SERVERS else []
    for url in [*ledgers_in(tmp_path), *servers]:
        assert [one for one in unsound(url) if one.code not in expected] == []
