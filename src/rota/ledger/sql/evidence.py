"""The reading side for verification: see the port."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rota.core.ports.records import VerificationMark
from rota.core.time import Instant
from rota.core.verification.evidence import (
    RunOfUnknownNode,
    StrayRuns,
    UnexplainedPause,
    Unreachable,
)
from rota.core.verification.occurrences import Row
from rota.core.verification.oddities import RunFacts
from rota.core.verification.rules import Rule
from rota.ledger.chain_evidence import SqlChainEvidence
from rota.ledger.database import Database
from rota.ledger.sql import mapping, verification, verified_rows
from rota.ledger.sql.json_batch import encode


class SqlEvidence:
    """The port's `Evidence`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def chains(self) -> SqlChainEvidence:
        return SqlChainEvidence(self._database)

    def marks(self) -> Mapping[str, VerificationMark]:
        with self._database.reading() as connection:
            return {mark.name: mark for mark in verified_rows.marks_in(connection)}

    def task_ids(self, after: str, limit: int) -> list[str]:
        with self._database.reading() as connection:
            found = verification.TASK_IDS.rows(connection, after=after, limit=limit)
        return sorted(one for one in found if isinstance(one, str) and one > after)  # a blob is not

    def rules(self, task_ids: Collection[str]) -> list[Rule]:
        with self._database.reading() as connection:
            return verified_rows.rules_of(connection, task_ids)

    def rows(
        self,
        task_ids: Collection[str],
        since: Instant,
        until: Instant,
        limit: int,
    ) -> list[tuple[str, Row]]:
        with self._database.reading() as connection:
            found = verification.OCCURRENCES.rows(
                connection,
                ids=encode(task_ids),
                since=since,
                until=until,
                limit=limit,
            )
        return [verified_rows.row_of(row) for row in found if verified_rows.are_times(row[1])]

    def summaries(self, task_ids: Collection[str], before: Instant) -> dict[str, Row]:
        with self._database.reading() as connection:
            found = verification.SUMMARIES.rows(connection, ids=encode(task_ids), before=before)
        sound = [row for row in found if verified_rows.are_times(row[1])]
        return dict(map(verified_rows.row_of, sorted(sound, key=lambda row: row[:3])))

    def odd(self, since: Instant, limit: int) -> list[RunFacts]:
        made = mapping.first_id(since)
        with self._database.reading() as connection:
            found = verification.ODD.rows(connection, made_since=made, limit=limit)
            found += verification.ODD_ATTEMPTS.rows(connection, made_since=made, limit=limit)
        return [RunFacts(*row) for row in {row[0]: row for row in found}.values()]

    def held(self, now: Instant, quiet_since: Instant, limit: int) -> list[RunOfUnknownNode]:
        with self._database.reading() as connection:
            found = verification.HELD_BY_NO_NODE.rows(
                connection, now=now, quiet_since=quiet_since, limit=limit
            )
        return [RunOfUnknownNode(*row) for row in found]

    def beside(self, limit: int) -> list[StrayRuns]:
        with self._database.reading() as connection:
            return [StrayRuns(*row) for row in verification.BESIDE.rows(connection, limit=limit)]

    def strays(self, since: Instant, limit: int) -> list[tuple[str, str]]:
        with self._database.reading() as connection:
            found = verification.STRAYS.rows(
                connection, made_since=mapping.first_id(since), limit=limit
            )
        return [(run_id, what) for run_id, what in found]

    def unknown(self, since: Instant, limit: int) -> list[StrayRuns]:
        with self._database.reading() as connection:
            found = verification.UNKNOWN.rows(
                connection, made_since=mapping.first_id(since), limit=limit
            )
        return [StrayRuns(*row) for row in found]

    def paused(self, since: Instant, limit: int) -> list[UnexplainedPause]:
        with self._database.reading() as connection:
            found = verification.PAUSED_WITHOUT_AUDIT.rows(connection, since=since, limit=limit)
        return [UnexplainedPause(*row) for row in found if verified_rows.are_times(*row[1:])]

    def ahead(self, now: Instant, limit: int) -> list[tuple[str, Instant]]:
        with self._database.reading() as connection:
            found = verification.AHEAD.rows(connection, ahead=now, limit=limit)
        return [(task_id, at) for task_id, at in found if verified_rows.are_times(at)]

    def unreachable(self, limit: int) -> list[Unreachable]:
        with self._database.reading() as connection:
            found = verification.UNREACHABLE.rows(connection, limit=limit)
        return [Unreachable(*row) for row in found]
