"""Which rows belong to chains, in exactly the words of the partial indexes."""

from __future__ import annotations

from sqlalchemy import ColumnElement, FromClause, and_

from rota.core.chains.rule import AFTER
from rota.ledger.schema.tables import word


def is_after(table: FromClause) -> ColumnElement[bool]:
    """Return the condition that a task runs after others."""
    return table.c.trigger == word(AFTER)


def is_named_by_run(table: FromClause) -> ColumnElement[bool]:
    """Return the condition of runs that upstream runs without a fire time named."""
    return and_(table.c.upstream.is_not(None), table.c.fire_time.is_(None))
