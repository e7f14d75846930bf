"""`rota db copy`: copy a ledger with its whole history to another database."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from rota.cli import output
from rota.core.ports.records import NodeRecord
from rota.core.time import Instant
from rota.ledger.transfer.copying import TableCopy, UnequalCopyError, copy_ledger
from rota.runtime.node_process import host, is_dead
from rota.runtime.system_clock import SystemClock


class LedgerAction(StrEnum):
    """The actions of `rota db`."""

    COPY = "copy"


def command(
    action: Annotated[LedgerAction, typer.Argument(help="The action.")],
    source: Annotated[str, typer.Argument(metavar="FROM", help="The URL of the ledger.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The URL of the copy.")],
) -> None:
    """Copy a ledger with its whole history, from a file to PostgreSQL or back.

    URLs are written as in manager.ledger_url: sqlite:///rota.db, postgresql://host/database. Stop
    every node first. FROM is only read. No ledger may exist at TO; it is written completely or not
    at all. Afterwards both are compared, table by table. Exits with 1 if they differ.
    """
    try:
        copied = copy_ledger(source, target, clock=SystemClock(), is_up=is_up)
    except UnequalCopyError as error:
        _show(error.tables)
        output.complain(error)
        raise typer.Exit(1) from error
    _show(copied)


def is_up(node: NodeRecord, now: Instant) -> bool:
    """Return whether a node runs, or may wake up and continue as if nothing had happened."""
    if node.state not in ("up", "draining") or is_dead(node):
        return False
    return node.lease_until > now or node.host == host()


def _show(tables: list[TableCopy]) -> None:
    columns = ("table", "rows", "checksum", "rows of the copy", "its checksum", "")
    output.table(
        columns,
        [
            (
                table.name,
                f"{table.source.rows:,}",
                table.source.checksum,
                f"{table.target.rows:,}",
                table.target.checksum,
                "equal" if table.is_equal else "different",
            )
            for table in tables
        ],
    )
