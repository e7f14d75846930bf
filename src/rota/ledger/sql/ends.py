"""When a run ended, as a statement writes it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, func, literal_column
from sqlalchemy.sql.elements import ColumnElement

from rota.ledger.schema.tables import runs
from rota.ledger.sql.soundness import LATEST


def ended_at(at: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the end of a run: `at`, but not before it was made or began, as for a node that was
    frozen between its look at the clock and this write."""
    began = func.coalesce(runs.c.started_at, runs.c.created_at)
    return case((and_(began > at, began <= literal_column(str(LATEST))), began), else_=at)
