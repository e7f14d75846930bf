"""Addresses of ledgers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rota.errors import LedgerError
from rota.ledger import open_ledger
from tests.conformance.ledger.desk import FakeClock


@pytest.mark.parametrize("url", ["memory://", "sqlite:///rota.db", "sqlite:////var/lib/rota.db"])
def test_an_address_makes_a_ledger_that_is_not_open(url: str) -> None:
    assert open_ledger(url, clock=FakeClock()).url == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://me:secret@host/rota?schema=My-Own", "'My-Own' cannot be the schema"),
        ("postgresql://me:secret@host:port/rota", "no address of a PostgreSQL database"),
        ("postgresql+asyncpg://me:secret@host/rota", r"postgresql\+asyncpg://… names no ledger"),
        ("mysql://me:secret@host/rota", "mysql://… names no ledger"),
        ("sqlite://", "names no ledger"),
        ("sqlite:///", "names no ledger"),
        ("sqlite://rota.db", "four slashes"),
        ("rota.db", "'rota.db' names no ledger"),
        ("", "names no ledger"),
    ],
)
def test_what_names_no_ledger_is_refused_without_its_secrets(url: str, words: str) -> None:
    with pytest.raises(LedgerError, match=words) as caught:
        open_ledger(url, clock=FakeClock())
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://host/rota", "postgresql://host/rota"),
        ("postgresql://me:s@cret@host:1/rota", "postgresql://me:***@host:1/rota"),
        ("postgresql+psycopg://me@host/rota", "postgresql+psycopg://me@host/rota"),
        (
            "postgresql:///rota?user=a&password=b&port=1",
            "postgresql:///rota?user=a&password=***&port=1",
        ),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert open_ledger(url, clock=FakeClock()).url == shown


def test_a_driver_that_is_missing_is_named_with_its_remedy() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from rota.ledger import open_ledger; from rota.runtime.system_clock import SystemClock\n"
        "open_ledger('postgresql://host/rota', clock=SystemClock())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install 'rota[postgres]'" in done.stderr


def test_asking_for_a_ledger_loads_no_database_library() -> None:
    code = "import sys, rota.ledger; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
