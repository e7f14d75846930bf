"""Cancels a run, or asks the node that runs it to."""

from __future__ import annotations

from sqlalchemy import Connection

from rota.core.audit import Actor, Verb
from rota.core.reasons import ReasonCode
from rota.core.run import FINAL, WAITING, State
from rota.core.time import Instant
from rota.errors import StateError, UnknownRunError
from rota.ledger.sql import mapping
from rota.ledger.sql import statements as sql
from rota.ledger.sql.json_batch import Batch
from rota.ledger.verbs import audit as audit_verbs
from rota.ledger.verbs import chains


def cancel(connection: Connection, run_id: str, reason: str, now: Instant, by: Actor) -> State:
    """See `Transaction.cancel`."""
    chains.upstream_of(connection, [run_id])  # this takes its turn, if it has any
    found = sql.LOCKED_RUN.rows(connection, id=run_id)
    if not found:
        raise UnknownRunError(f"No run has the id {run_id!r}.", remedy="`rota runs` lists them.")
    run = mapping.run_of(found[0])
    if run.state in FINAL:
        raise StateError(
            f"Run {run_id} has ended already: it is {run.state}.",
            remedy="Only a run that waits or runs can be cancelled.",
        )
    entry = audit_verbs.AuditEntry(
        Verb.CANCEL, run.task_id, run_id, reason, before={"state": run.state}
    )
    audit_verbs.note(connection, now, by, [entry])
    if run.state in WAITING:
        end = (run_id, State.CANCELLED, reason, now, ReasonCode.CANCELLED)
        chains.end_waiting(connection, [end])
        return State.CANCELLED
    sql.ASK_TO_CANCEL(connection, asks=Batch([(run_id, reason)]))
    return State.RUNNING
