"""Takes over the running runs of nodes that are gone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from sqlalchemy import Connection

from rota.core.crashes import Suspect
from rota.core.ports.records import AttemptEnd, NodeRecord, Orphan
from rota.core.run import Run
from rota.core.time import Instant
from rota.ledger.sql import attempts, mapping, nodes
from rota.ledger.sql.json_batch import Batch
from rota.ledger.verbs import chains, crashes, verdicts
from rota.ledger.verbs.settling import write_attempts


def reap(
    connection: Connection,
    judge: Callable[[Orphan], AttemptEnd],
    gone: Collection[NodeRecord],
    unconfirmed: Mapping[str, int],
    now: Instant | None,
) -> list[Run]:
    """See `core.ports.ledger.Transaction.reap`; it is this transaction's turn."""
    if gone:
        seen = Batch((node.id, node.seen_at) for node in gone)
        nodes.DECLARE_GONE(connection, seen=seen)
    ended: list[str] = []
    endings: list[AttemptEnd] = []
    orphans = _orphans(connection, unconfirmed)
    if orphans:
        culprits: dict[str, Suspect] = {}
        if now is not None:
            crashed = [orphan for orphan in orphans if orphan.run.id not in unconfirmed]
            culprits = crashes.of_orphans(connection, crashed)
        orphans = [
            orphan._replace(is_spared=orphan.run.task_id != culprit.task_id)
            if (culprit := culprits.get(orphan.run.node or ""))
            else orphan
            for orphan in orphans
        ]
        endings = [judge(orphan) for orphan in orphans]
        batch = Batch(
            mapping.settled_row(ending, orphan.run.fence)
            for ending, orphan in zip(endings, orphans, strict=True)
        )
        attempts.SETTLE_ORPHANS(connection, settled=batch)
        write_attempts(connection, endings)
        ended += [orphan.run.id for orphan in orphans]
        if culprits and now is not None:
            ended += crashes.pause(connection, culprits.values(), list(ended), now)
    if now is not None:
        ended += verdicts.pronounce(connection, now)
    if ended:
        chains.follow(connection, ended, now or max(one.attempt.finished_at for one in endings))
    return [orphan.run for orphan in orphans]


def _orphans(connection: Connection, unconfirmed: Mapping[str, int]) -> list[Orphan]:
    """Return the runs without a living node, and those that are unconfirmed, by id."""
    found = nodes.ORPHANS.rows(connection)
    if unconfirmed:
        found += nodes.UNCONFIRMED.rows(connection, unconfirmed=Batch(unconfirmed.items()))
    by_id = {run_id: (run_id, *rest) for run_id, *rest in found}
    return [
        Orphan(mapping.run_of(run), mapping.policy_of(policy))
        for _, (*run, policy) in sorted(by_id.items())
    ]
