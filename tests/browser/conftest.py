"""One browser for all tests of a worker, and a site for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chrome import NAMES, Browser, found
from tests.integration.web.site import Gate, Site


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a browser; skips where this machine has none."""
    program = found()
    if program is None:
        pytest.skip(f"no browser here: none of {', '.join(NAMES)} is on the PATH")
    browser = Browser(program)
    yield browser
    browser.close()


@pytest.fixture
def site(tmp_path: Path, browser: Browser) -> Iterator[Site]:
    """Return a site without tasks."""
    with Site(tmp_path) as site:
        yield site
        browser.close_tabs()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Return a gate that is open at the latest when the test ends."""
    gate = Gate()
    yield gate
    gate.open.set()
