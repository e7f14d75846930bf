"""The addresses of ledgers, and the kind of database that each one names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from rota.errors import LedgerError

SETTING = "manager.ledger_url"
"""The setting with the ledger's address, unless it was given somewhere else."""


class LedgerKind(Enum):
    """The kind of database that keeps a ledger."""

    MEMORY = "memory"
    FILE = "file"
    SERVER = "server"


def kind_of(url: str, where: str = SETTING) -> LedgerKind:
    """Return the kind of database that an address names; raises LedgerError, with `where` it was
    given, for any other address.
    """
    scheme, separator, rest = url.partition("://")
    if url == "memory://":
        return LedgerKind.MEMORY
    if scheme == "sqlite" and rest.startswith("/") and rest.strip("/"):
        return LedgerKind.FILE
    if scheme in ("postgresql", "postgresql+psycopg"):
        return LedgerKind.SERVER
    raise LedgerError(
        f"{scheme + separator + '…' if separator else repr(url)} names no ledger.",
        where=where,
        remedy='Write "sqlite:///rota.db" for a file (four slashes for an absolute path),'
        ' "postgresql://host/database" for a server, or "memory://".',
    )


def path_of(url: str) -> Path:
    """Return the path in the address of a file."""
    return Path(url.partition("://")[2][1:])


@contextmanager
def needing_driver(where: str = SETTING) -> Iterator[None]:
    """Raise LedgerError, with how to install it, if the driver that is imported is missing."""
    try:
        yield
    except ImportError as error:
        raise LedgerError(
            f"A ledger in PostgreSQL needs a driver: {error}.",
            where=where,
            remedy="Install it: pip install 'rota[postgres]'.",
        ) from error
