"""A whole ledger in a schema of PostgreSQL, read in one snapshot or written in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
from sqlalchemy import Connection, Table

from rota.core.time import Instant
from rota.ledger import migrations
from rota.ledger.postgres.database import READING, PostgresAddress, redact_url, time_of
from rota.ledger.postgres.errors import explained
from rota.ledger.postgres.schema import revision_of, take_steps
from rota.ledger.transfer.bulk import TABLES, Row, refuse_rows

_UNHURRIED = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}


class PostgresBulk:
    """The ledger in a schema as a whole."""

    def __init__(self, url: str) -> None:
        self.url = redact_url(url)
        self._address = PostgresAddress(url, self.url)

    def explained(self) -> AbstractContextManager[None]:
        return explained(self.url)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Lend a connection in a transaction that only reads."""
        with self._connected(READING) as connection:
            revision = revision_of(connection, self._address.schema, self.url)
            migrations.require_current(revision, self.url)
            yield connection

    @contextmanager
    def loading(self) -> Iterator[Connection]:
        """Lend a connection in the transaction that creates the missing tables."""
        with self._connected({}) as connection:
            take_steps(connection, self._address.schema, self.url)
            names = ", ".join(table.name for table in TABLES)
            connection.exec_driver_sql(f"LOCK TABLE {names} IN EXCLUSIVE MODE")
            refuse_rows(connection, TABLES, self.url)
            yield connection

    def load(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        names = ", ".join(f'"{column.name}"' for column in table.c)
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)
        connection.exec_driver_sql(f"ANALYZE {table.name}")  # for the plans of the next queries

    def now(self, connection: Connection) -> Instant:
        return time_of(connection)

    @contextmanager
    def _connected(self, settings: dict[str, str]) -> Iterator[Connection]:
        engine = self._address.engine(1, **_UNHURRIED, **settings)
        try:
            with self.explained(), engine.connect() as connection, connection.begin():
                yield connection
        finally:
            engine.dispose()
