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
        ("postgresql://me:secret@host/rota", r"PostgreSQL is not built yet.*sqlite:///rota\.db"),
        ("postgresql+psycopg://host/rota", "PostgreSQL is not built yet"),
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
    assert caught.value.where == "manager.ledger_url"
    assert "secret" not in str(caught.value)


def test_asking_for_a_ledger_loads_no_database_library() -> None:
    code = "import sys, rota.ledger; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
