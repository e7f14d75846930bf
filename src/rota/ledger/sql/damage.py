"""The damaged rows of a ledger: those that reads have met and that are still damaged, and a search
for others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Table, bindparam, select

from rota.core.ports.records import Damage
from rota.ledger.schema.access_tables import tokens
from rota.ledger.schema.tables import attempts, audit, logs, nodes, runs, steps, tasks
from rota.ledger.sql import forms, mapping
from rota.ledger.sql.json_batch import Row, encode, listed
from rota.ledger.sql.soundness import ColumnForm, Note, found
from rota.ledger.sql.statement import Statement, all_of
from rota.ledger.sql.verification import UNREACHABLE
from rota.ledger.verbs import tokens as token_verbs

SEARCHED = 10_000
"""Rows of each table that a search reads: the newest."""


class _DamageLook(NamedTuple):
    """How the rows of a table are read again, by the first part of their key."""

    newest: Statement
    by_key: Statement
    read: Callable[[Row, Note], Any]


def _look(
    table: Table, columns: Sequence[Column[Any]], read: Callable[[Row, Note], Any]
) -> _DamageLook:
    key, *others = table.primary_key.columns
    query = select(*columns)
    newest = query.order_by(key.desc(), *(other.desc() for other in others))
    return _DamageLook(
        Statement(all_of(newest.limit(bindparam("limit")))),
        Statement(all_of(query.where(key.in_(listed("keys"))).limit(bindparam("limit")))),
        read,
    )


def _by(form: ColumnForm) -> Callable[[Row, Note], Any]:
    return lambda row, note: form.read(row, note=note)


_STEP = (steps.c.run_id, *mapping.STEP)

_LOOKS = {
    "tasks": _look(tasks, mapping.TASK, _by(forms.TASKS)),
    "runs": _look(runs, mapping.RUN, mapping.run_of),
    "attempts": _look(attempts, mapping.ATTEMPT, _by(forms.ATTEMPTS)),
    "logs": _look(logs, mapping.LOG, _by(forms.LOGS)),
    "steps": _look(
        steps,
        _STEP,
        lambda row, note: forms.STEPS.read(row[1:], note=note, of=f"{row[0]} {row[1]}"),
    ),
    "nodes": _look(nodes, mapping.NODE, _by(forms.NODES)),
    "audit": _look(audit, mapping.CHANGE, _by(forms.CHANGES)),
    "tokens": _look(tokens, token_verbs.COLUMNS, token_verbs.token_of),
}


def met(connection: Connection) -> list[Damage]:
    """Return the damage that this process has met and that is still there."""
    known = found.all()
    still: list[Damage] = []
    for table in {damage.table for damage in known}:
        look = _LOOKS[table]
        keys = {damage.key.split(" ")[0] for damage in known if damage.table == table}
        for row in look.by_key.rows(connection, keys=encode(keys), limit=SEARCHED):
            look.read(row, still.append)
    places = {damage[:3] for damage in known}
    return sorted(damage for damage in set(still) if damage[:3] in places)


def search(connection: Connection) -> list[Damage]:
    """Return the damage among the newest rows of each table; it is noted as met."""
    damages: list[Damage] = []
    for look in _LOOKS.values():
        for row in look.newest.rows(connection, limit=SEARCHED):
            look.read(row, damages.append)
    known = {damage[:3] for damage in damages}
    for run_id, _, column in UNREACHABLE.rows(connection, limit=SEARCHED):
        if ("runs", run_id, column) not in known:
            what = "an impossible number, so that it never starts"
            damages.append(Damage("runs", run_id, column, what))
    for damage in damages:
        found.add(damage)
    return sorted(damages)
