"""Copies a ledger as a whole, with all of its history: from a file to a server, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import Connection, Table, select

from rota.core.ports.clock import Clock
from rota.core.ports.records import NodeRecord
from rota.core.time import Instant
from rota.errors import LedgerError, StateError
from rota.ledger.sql import queries
from rota.ledger.sql.json_batch import NUL
from rota.ledger.sql.mapping import node_of
from rota.ledger.transfer.bulk import TABLES, Bulk, Row, bulk_at

_BATCH = 100  # rows held at once; a result or a traceback may be large


class Digest(NamedTuple):
    """What was found in a table."""

    rows: int
    checksum: str  # over every value of every row, in the order of the key


class TableCopy(NamedTuple):
    """A table, as it was read from either side after it was copied."""

    name: str
    source: Digest
    target: Digest

    @property
    def is_equal(self) -> bool:
        """Return whether the table is the same on both sides."""
        return self.source == self.target


class UnequalCopyError(LedgerError):
    """The copy differs from the source (`tables`); no row of it was kept."""

    def __init__(self, tables: list[TableCopy], where: str) -> None:
        self.tables = tables
        unequal = ", ".join(table.name for table in tables if not table.is_equal)
        super().__init__(
            f"The copy differs from its source in {unequal}; no row of it was kept.",
            where=where,
            remedy="See that nothing writes to the source meanwhile, then copy it again.",
        )


def copy_ledger(
    source_url: str, target_url: str, *, clock: Clock, is_up: Callable[[NodeRecord, Instant], bool]
) -> list[TableCopy]:
    """Copy a ledger to an address that has none, and return what both sides hold then.

    The source is only read. The target is created as a whole or not at all, even if a process is
    killed. Raises StateError for a source with a node that is up, which `is_up` decides for each
    node at the ledger's time; UnequalCopyError; LedgerError if either side cannot be used.
    """
    source, target = bulk_at(source_url, clock, "FROM"), bulk_at(target_url, clock, "TO")
    with source.snapshot() as old:
        now = source.now(old)
        nodes = map(node_of, queries.NODES.rows(old))
        _refuse_running([node for node in nodes if is_up(node, now)], source.url)
        with target.loading() as new:
            for table in TABLES:
                target.load(new, table, _rows(source, old, table))
            with source.snapshot() as again:
                copied = [
                    TableCopy(
                        table.name, _digest(source, again, table), _digest(target, new, table)
                    )
                    for table in TABLES
                ]
            if not all(table.is_equal for table in copied):
                raise UnequalCopyError(copied, target.url)
    return copied


def _refuse_running(nodes: Sequence[NodeRecord], where: str) -> None:
    if nodes:
        names = ", ".join(
            f"{node.name} (process {node.pid} on {node.host.partition('/')[0]})" for node in nodes
        )
        raise StateError(
            f"Nodes are up on this ledger: {names}.",
            where=where,
            remedy="Stop them first, or the runs that they continue run twice. A node that was"
            " killed on another machine is up until its lease ends.",
        )


def _digest(bulk: Bulk, connection: Connection, table: Table) -> Digest:
    """Return the number of rows and their checksum as they are read back, whatever was meant to be
    written.
    """
    checksum, count = blake2b(digest_size=8), 0
    for row in _rows(bulk, connection, table):
        checksum.update(repr(row).encode())
        count += 1
    return Digest(count, checksum.hexdigest())


def _rows(bulk: Bulk, connection: Connection, table: Table) -> Iterator[Row]:
    """Read a table in the order of its key, which is that of bytes everywhere."""
    query = select(*table.c).order_by(*table.primary_key)
    with bulk.explained():
        for row in connection.execute(query, execution_options={"yield_per": _BATCH}):
            yield tuple(map(_storable, row))


def _storable(value: object) -> object:
    """Return a value as every database can keep it."""
    return value.replace("\x00", NUL) if isinstance(value, str) and "\x00" in value else value
