"""Writes how attempts ended and what their runs become, fenced by node and fence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection

from rota.core.outcome import OutcomeKind
from rota.core.ports.records import AttemptEnd
from rota.core.reasons import ReasonCode
from rota.core.run import WAITING, State
from rota.ledger.sql import attempts, mapping
from rota.ledger.sql import statements as sql
from rota.ledger.sql.json_batch import Batch, encode
from rota.ledger.turn import take_turn
from rota.ledger.verbs import chains, crashes
from rota.ledger.verbs import tasks as task_verbs


def settle(connection: Connection, endings: Sequence[AttemptEnd], node_id: str) -> list[str]:
    """Write the endings of runs that this node still holds; returns the ids of the others."""
    chained = chains.upstream_of(connection, [one.attempt.run_id for one in endings])
    sql.SAVEPOINT(connection)
    refused: list[str] = []
    if not _write(connection, endings, node_id):  # seldom: only then it matters which
        sql.ROLLBACK_TO(connection)
        accepted, refused = _held(connection, endings, node_id)
        if accepted:
            _write(connection, accepted, node_id)
    sql.RELEASE(connection)
    cancelled = _pause_killers(connection, endings, set(refused))
    if chained or cancelled:
        now = max(one.attempt.finished_at for one in endings)
        chains.follow(connection, [*chained, *cancelled], now)
    return refused


def write_attempts(connection: Connection, endings: Iterable[AttemptEnd]) -> None:
    """Write the attempts that did not succeed; the run's own row says everything about one that
    did.
    """
    ended = [one.attempt for one in endings if one.settlement.state is not State.SUCCEEDED]
    if ended:
        attempts.INSERT_ATTEMPTS(connection, ended=Batch(ended))


def _write(connection: Connection, endings: Sequence[AttemptEnd], node_id: str) -> bool:
    """Write the endings; False, and not yet their attempts, if not all could be written."""
    batch = Batch(mapping.settled_row(ending, ending.fence) for ending in endings)
    if attempts.SETTLE.count(connection, settled=batch, node_id=node_id) < len(endings):
        return False
    write_attempts(connection, endings)
    _cancel_unwanted(connection, endings)
    return True


def _cancel_unwanted(connection: Connection, endings: Iterable[AttemptEnd]) -> None:
    """Cancel runs that wait again and whose cancellation was requested, or whose task was removed,
    while they ran: their node has not heard of it yet."""
    again = [ending.attempt for ending in endings if ending.settlement.state in WAITING]
    if again:
        sql.CANCEL_UNWANTED(
            connection,
            ids=encode(attempt.run_id for attempt in again),
            why=task_verbs.REMOVED,
            code=ReasonCode.REMOVED,
            now=max(attempt.finished_at for attempt in again),
        )


def _held(
    connection: Connection, endings: Sequence[AttemptEnd], node_id: str
) -> tuple[list[AttemptEnd], list[str]]:
    """Sort the endings into those whose run this node still holds, and the other ids."""
    batch = Batch(mapping.settled_row(ending, ending.fence) for ending in endings)
    found = attempts.HELD.rows(connection, settled=batch, node_id=node_id)
    held = {(run_id, fence) for run_id, fence in found}
    accepted: list[AttemptEnd] = []
    refused: list[str] = []
    for ending in endings:
        key = (ending.attempt.run_id, ending.fence)
        if key in held:
            held.remove(key)  # the same run twice in one batch: the first ending counts
            accepted.append(ending)
        else:
            refused.append(ending.attempt.run_id)
    return accepted, refused


def _pause_killers(
    connection: Connection, endings: Sequence[AttemptEnd], refused: Collection[str]
) -> list[str]:
    """Pause the tasks that crashed a worker process too often; return their runs that ended by
    this and have tasks after them."""
    crashed = [
        ending
        for ending in endings
        if ending.attempt.outcome is OutcomeKind.CRASHED and ending.attempt.run_id not in refused
    ]
    if not crashed:
        return []
    suspects = crashes.of_workers(connection, crashed)
    if suspects:
        take_turn(connection)
        now = max(ending.attempt.finished_at for ending in crashed)
        return crashes.pause(connection, suspects, [one.attempt.run_id for one in crashed], now)
    return []
