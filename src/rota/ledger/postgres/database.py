"""The ledger in PostgreSQL: any number of nodes write at once, each over one connection."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import psycopg
from psycopg.types.string import TextLoader
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from rota.core.ports.records import NewRun, OnConflict
from rota.core.secrets import cut
from rota.core.time import Instant
from rota.errors import LedgerError
from rota.ledger.database import QUIET
from rota.ledger.errors import closed
from rota.ledger.postgres.clock import DatabaseClock
from rota.ledger.postgres.errors import explained, is_lost
from rota.ledger.postgres.foreign import Script, identity_query, script
from rota.ledger.postgres.hang_guard import HangGuard
from rota.ledger.postgres.listener import Listener
from rota.ledger.postgres.schema import bring_up_to_date
from rota.runtime.signal_count import SignalCount

SCHEMA = "rota"
"""The schema of the tables, unless the address says `?schema=…`: others may use the database."""

_READERS = 4  # connections, at most; if none is free, a reader waits this long:
_WAIT = 5.0
_UNKNOWN_FATE = 5.0  # seconds to find out what became of a commit whose answer was lost
_TURN = 0.1
_HANG_LIMIT = 15.0  # seconds that a transaction may take, more than any one statement

_CONNECT = {
    "connect_timeout": 5,
    "application_name": "rota",
    # A server that vanished without notice is noticed within 20 seconds.
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_SETTINGS = {
    "statement_timeout": "10s",
    "lock_timeout": "8s",
    # A node that freezes in the middle of a transaction does not block the others forever.
    "idle_in_transaction_session_timeout": "5s",
}
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'"
)
"""A commit that was answered survives a crash of the server, whatever its other users need."""

READING = {
    "default_transaction_isolation": "repeatable read",
    "default_transaction_read_only": "on",
}


class PostgresSchema:
    """A schema of a database as the ledger's database."""

    look_every = 1.0  # commits are notified; while the listener is not connected, it counts seconds

    def __init__(self, url: str, clock: DatabaseClock) -> None:
        self._url = redact_url(url)
        self._address = PostgresAddress(url, self._url)
        self._clock = clock
        self._open: _OpenServer | None = None
        self.committed = SignalCount()

    @property
    def url(self) -> str:
        return self._url

    def open(self) -> None:
        """Connect and bring the schema up to date."""
        if self._open is None:
            with explained(self._url):
                self._open = _OpenServer(self._address, self._clock, self.committed.give)

    def close(self) -> None:
        """Disconnect."""
        connections, self._open = self._open, None
        if connections is not None:
            connections.close()

    @contextmanager
    def gateway(self) -> Iterator[Connection]:
        """Lend the writer's connection, in a transaction; connects again if it was lost."""
        connections = self._opened()
        with explained(self._url), connections.gateway() as connection:
            yield connection

    def foreign(
        self, runs: Sequence[NewRun], on_conflict: OnConflict, key_until: Instant
    ) -> Script:
        """Return the statements by which another connection writes runs."""
        schema = self._address.schema
        with self.reading() as connection:
            identity = connection.exec_driver_sql(identity_query(schema)).one()
        return script(schema, tuple(identity), runs, on_conflict, key_until)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a reader's connection, in a transaction that sees the last commit throughout."""
        connections = self._opened()
        with explained(self._url), connections.readers.connect() as connection:
            with connections.used(connection), connection.begin():
                yield connection
            if self._open is not connections:
                connection.invalidate()  # closed meanwhile: nothing else would close this one

    def version(self) -> int:
        return self._opened().version()

    def _opened(self) -> _OpenServer:
        if self._open is None:
            raise closed(self._url)
        return self._open


def redact_url(url: str) -> str:
    """Return the address without its password."""
    url = cut(url)
    hidden = re.sub(r"(//[^/:@]*+):.*@", r"\1:***@", url, count=1) if "@" in url else url
    return re.sub(r"([?&]password=)[^&]*", r"\1***", hidden)


def time_of(connection: Connection) -> Instant:
    """Return the time of the database."""
    return int(
        connection.exec_driver_sql(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
        ).scalar_one()
    )


class PostgresAddress:
    """The parsed address: the database, and the schema in it."""

    def __init__(self, url: str, where: str) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError) as error:
            raise LedgerError(
                "This is no address of a PostgreSQL database.",
                where=where,
                remedy='Write it like "postgresql://user:password@host/database".',
            ) from error
        self.where = where
        self.schema = str(parsed.query.get("schema", SCHEMA))
        # It is written into SQL, and LISTEN takes no parameter.
        if not re.fullmatch("[a-z_][a-z0-9_]{0,49}", self.schema):
            raise LedgerError(
                f"{self.schema!r} cannot be the schema of a ledger.",
                where=where,
                remedy="Use small letters, digits and underscores, fifty at most.",
            )
        rest = parsed.difference_update_query(["schema"])
        self._url = rest.set(drivername="postgresql+psycopg")
        self._extra = {key: value for key, value in _CONNECT.items() if key not in rest.query}

    @property
    def plain(self) -> str:
        """Return the address, with its password, as every PostgreSQL client takes it."""
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    def engine(self, size: int, **settings: str) -> Engine:
        """Return an engine of at most `size` connections with these settings."""
        engine = create_engine(
            self._url,
            poolclass=QueuePool,
            pool_size=size,
            max_overflow=0,
            pool_timeout=_WAIT,
            pool_pre_ping=True,
            connect_args=self._extra,
            **QUIET,
            use_native_hstore=False,  # it would look for that type at each start
        )

        @event.listens_for(engine, "connect")
        def _prepare(connection: psycopg.Connection[Any], _: ConnectionPoolEntry) -> None:
            self._prepare(connection, settings)

        return engine

    def connect(self) -> psycopg.Connection[Any]:
        """Return a connection of its own, without transactions."""
        _, named = self._url.get_dialect()().create_connect_args(self._url)
        arguments: dict[str, Any] = {**named, **self._extra}
        connection = psycopg.connect(**arguments, autocommit=True)
        try:
            self._prepare(connection, {})
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: psycopg.Connection[Any], more: dict[str, str]) -> None:
        settings = _SETTINGS | {"search_path": self.schema} | more
        wanted = "; ".join(
            [*(f"SET {key} = '{value}'" for key, value in settings.items()), _DURABLE]
        )
        before = connection.autocommit
        connection.autocommit = True  # or they would end with the transaction
        connection.execute(wanted.encode())
        connection.autocommit = before
        connection.adapters.register_loader("json", TextLoader)  # `decode` reads it


def postgres_address(url: str) -> tuple[str, str]:
    """Return the address of the database as other clients take it, and the ledger's schema there;
    raises LedgerError."""
    address = PostgresAddress(url, redact_url(url))
    return address.plain, address.schema


class _OpenServer:
    """The connections to an open ledger: one writes, a few read, one listens once asked to."""

    def __init__(
        self, address: PostgresAddress, clock: DatabaseClock, heard: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._commits = 0
        self._own_pid = 0
        with ExitStack() as undo:
            self._hang_guard = HangGuard(_HANG_LIMIT)
            undo.callback(self._hang_guard.stop)
            self._writer = address.engine(1)
            undo.callback(self._writer.dispose)
            with self._writer.connect() as connection:
                bring_up_to_date(connection, address.schema, address.where)
                self._ask_the_time(connection)
            self.readers = address.engine(_READERS, **READING)
            undo.callback(self.readers.dispose)
            channel = f"rota_{address.schema}"
            self._listener = Listener(address.connect, channel, self._is_other, heard)
            undo.callback(self._listener.stop)
            self.close: Callable[[], Any] = undo.pop_all().close

    def used(self, connection: Connection) -> AbstractContextManager[None]:
        """Cut the connection if the server never answers."""
        return self._hang_guard.using(connection.connection.dbapi_connection.fileno())  # type: ignore[union-attr]

    def version(self) -> int:
        """Return a number that differs after each commit that this process knows of."""
        return self._commits + self._listener.heard()

    def _is_other(self, pid: int) -> bool:
        return pid != self._own_pid

    @contextmanager
    def gateway(self) -> Iterator[Connection]:
        xid: str | None = None
        try:
            with (
                self._writer.connect() as connection,
                self.used(connection),
                connection.begin(),
            ):
                if self._clock.is_stale():
                    self._ask_the_time(connection)
                yield connection
                xid = self._announce(connection)
        except DBAPIError as error:
            if is_lost(error):
                self._listener.renew()
            # With `xid` known, it was the commit that failed.
            if xid is None or not is_lost(error) or not self._was_committed(xid):
                raise
        if xid is not None:
            self._commits += 1

    def _ask_the_time(self, connection: Connection) -> None:
        asked = self._clock.monotonic()
        self._clock.synchronize(time_of(connection), asked)

    def _announce(self, connection: Connection) -> str | None:
        """Notify other nodes, on commit, if anything was written; return the transaction's id."""
        found = connection.exec_driver_sql(
            "SELECT xid, pg_backend_pid(), pg_notify('rota_' || current_schema(), '')"
            " FROM (SELECT pg_current_xact_id_if_assigned()::text AS xid) AS own"
            " WHERE xid IS NOT NULL"
        ).one_or_none()
        if found is None:
            return None
        self._own_pid = found.pg_backend_pid
        return str(found.xid)

    def _was_committed(self, xid: str) -> bool:
        """Return whether a transaction was committed whose commit was sent, but not answered.

        Without this, runs could be claimed by a node that never learns of it.
        """
        deadline = time.monotonic() + _UNKNOWN_FATE
        while True:
            try:
                with self._writer.connect() as connection:
                    fate = connection.exec_driver_sql(
                        "SELECT pg_xact_status(%(xid)s::xid8)", {"xid": xid}
                    ).scalar()
            except DBAPIError:
                fate = "unknown"
            if fate in ("committed", "aborted"):
                return bool(fate == "committed")
            if time.monotonic() > deadline:
                return False
            time.sleep(_TURN)
