"""The reading side of who verifies: see the port."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rota.core.evidence import Held, Many, Paused
from rota.core.instants import Instant
from rota.core.occurrences import Row
from rota.core.oddities import Facts
from rota.core.records import Mark
from rota.core.rules import Rule
from rota.ledger import rows, verifying
from rota.ledger.database import Database
from rota.ledger.jsonrows import encode


class SqlEvidence:
    """The port's `Evidence`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def marks(self) -> Mapping[str, Mark]:
        with self._database.reading() as connection:
            return {mark.name: mark for mark in verifying.marks_in(connection)}

    def task_ids(self, after: str, limit: int) -> list[str]:
        with self._database.reading() as connection:
            return sorted(verifying.TASK_IDS.rows(connection, after=after, limit=limit))

    def rules(self, task_ids: Collection[str]) -> list[Rule]:
        with self._database.reading() as connection:
            return verifying.rules_of(connection, task_ids)

    def rows(
        self,
        task_ids: Collection[str],
        since: Instant,
        until: Instant,
        limit: int,
    ) -> list[tuple[str, Row]]:
        with self._database.reading() as connection:
            found = verifying.OCCURRENCES.rows(
                connection,
                ids=encode(task_ids),
                since=since,
                until=until,
                limit=limit,
            )
        return [verifying.row_of(row) for row in found]

    def summaries(self, task_ids: Collection[str], before: Instant) -> dict[str, Row]:
        with self._database.reading() as connection:
            found = verifying.SUMMARIES.rows(connection, ids=encode(task_ids), before=before)
        return dict(map(verifying.row_of, sorted(found)))

    def odd(self, since: Instant, limit: int) -> list[Facts]:
        made = rows.first_id(since)
        with self._database.reading() as connection:
            found = verifying.ODD.rows(connection, made_since=made, limit=limit)
            found += verifying.ODD_ATTEMPTS.rows(connection, made_since=made, limit=limit)
        return [Facts(*row) for row in {row[0]: row for row in found}.values()]

    def held(self, now: Instant, quiet_since: Instant, limit: int) -> list[Held]:
        with self._database.reading() as connection:
            found = verifying.HELD_BY_NOBODY.rows(
                connection, now=now, quiet_since=quiet_since, limit=limit
            )
        return [Held(*row) for row in found]

    def beside(self, limit: int) -> list[Many]:
        with self._database.reading() as connection:
            return [Many(*row) for row in verifying.BESIDE.rows(connection, limit=limit)]

    def strays(self, since: Instant, limit: int) -> list[tuple[str, str]]:
        with self._database.reading() as connection:
            found = verifying.STRAYS.rows(connection, made_since=rows.first_id(since), limit=limit)
        return [(run_id, what) for run_id, what in found]

    def unknown(self, since: Instant, limit: int) -> list[Many]:
        with self._database.reading() as connection:
            found = verifying.UNKNOWN.rows(connection, made_since=rows.first_id(since), limit=limit)
        return [Many(*row) for row in found]

    def paused(self, since: Instant, limit: int) -> list[Paused]:
        with self._database.reading() as connection:
            found = verifying.PAUSED_BY_NOBODY.rows(connection, since=since, limit=limit)
        return [Paused(*row) for row in found]

    def ahead(self, now: Instant, limit: int) -> list[tuple[str, Instant]]:
        with self._database.reading() as connection:
            found = verifying.AHEAD.rows(connection, ahead=now, limit=limit)
        return [(task_id, instant) for task_id, instant in found]
