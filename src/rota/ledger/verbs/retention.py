"""Deletes what is older than its retention."""

from __future__ import annotations

from sqlalchemy import Connection

from rota.core.ports.records import VerificationMark
from rota.core.time import Instant
from rota.ledger import windows
from rota.ledger.sql import mapping, nodes, verification, verified_rows
from rota.ledger.sql.json_batch import encode
from rota.ledger.verbs import audit as audit_verbs
from rota.ledger.verbs import enqueueing
from rota.ledger.verbs import tokens as token_verbs


def prune(connection: Connection, before: Instant, limit: int) -> int:
    """See `core.ports.ledger.Transaction.prune`; it is this transaction's turn."""
    nodes.DELETE_NODES(connection, before=before)
    verification.PRUNE_RULES(connection, before=before)
    verification.PRUNE_MARKS(connection, before=before)
    enqueueing.FORGET_KEYS(connection, before=before)
    token_verbs.DELETE_OLD(connection, before=before)
    token_verbs.DELETE_ENDED(connection, before=before)
    windows.DELETE_OLD(connection, before=before)
    audit_verbs.prune(connection, limit)
    old = nodes.OLD_RUNS.rows(
        connection, made_before=mapping.first_id(before), before=before, limit=limit
    )
    if old:
        ids = encode(old)
        nodes.DELETE_LINES(connection, ids=ids)
        nodes.DELETE_ATTEMPTS(connection, ids=ids)
        nodes.DELETE_STEPS(connection, ids=ids)
        nodes.DELETE_RUNS(connection, ids=ids)
        verified_rows.set_mark(connection, VerificationMark(verified_rows.PRUNED, before))
    return len(old)
