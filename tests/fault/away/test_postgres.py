"""A node whose PostgreSQL is killed, out of reach, hanging, full of others or read-only."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from rota.core.run import State
from tests.fault.away.node import Node, node
from tests.fault.effort import effort
from tests.fault.ledger.proxy import Proxy
from tests.integration.cli.project import Project, until
from tests.postgres import Postgres


class Place(NamedTuple):
    """Where the faults are: a server and the wire that the node has to it."""

    server: Postgres
    wire: Proxy
    role: str  # of the node

    def command(self, *commands: str) -> None:
        """Tell the server, directly."""
        address = f"host={self.server.home} user=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            for command in commands:
                connection.execute(command.encode())

    def end_sessions(self) -> None:
        """End the sessions of nodes."""
        self.command(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{self.role}'"
        )


@contextmanager
def killed(place: Place) -> Iterator[None]:
    """The server crashes and is started again."""
    place.server.stop(signal.SIGQUIT)
    yield
    place.server.start()


@contextmanager
def refused(place: Place) -> Iterator[None]:
    """Nobody listens at its address."""
    place.wire.close()
    yield
    place.wire.open()


@contextmanager
def hanging(place: Place) -> Iterator[None]:
    """What is sent arrives nowhere, and nothing says so."""
    place.wire.hold()
    yield
    place.wire.release()


@contextmanager
def frozen(place: Place) -> Iterator[None]:
    """Every process of the server stands still, and its sockets accept."""
    place.server.freeze()
    try:
        yield
    finally:
        place.server.thaw()


@contextmanager
def used_up(place: Place) -> Iterator[None]:
    """All connections that nodes may have are others'."""
    place.command(f"ALTER ROLE {place.role} NOSUPERUSER CONNECTION LIMIT 0")
    place.end_sessions()
    yield
    place.command(f"ALTER ROLE {place.role} SUPERUSER CONNECTION LIMIT -1")


@contextmanager
def read_only(place: Place) -> Iterator[None]:
    """It was made a standby, as far as nodes can tell."""
    place.command(f"ALTER ROLE {place.role} SET default_transaction_read_only = on")
    place.end_sessions()
    yield
    place.command(f"ALTER ROLE {place.role} RESET default_transaction_read_only")
    place.end_sessions()


Fault = Callable[[Place], contextlib.AbstractContextManager[None]]
FAULTS: list[tuple[Fault, str]] = [
    (killed, "away for .*[Ll]ook whether the server is up"),
    (refused, "away for .*[Ll]ook whether the server is up"),
    (hanging, "not read within|the ledger took|away for"),
    (frozen, "not read within|the ledger took|away for"),
    (used_up, "away for .*max_connections"),
    (read_only, "away for .*read-only"),
]


@contextmanager
def on_postgres(path: Path, postgres: Postgres) -> Iterator[tuple[Node, Place]]:
    """Run a node on the server, over a wire."""
    near = postgres.url()
    schema = near.partition("schema=")[2]
    place = Place(postgres, Proxy(postgres.socket), f"node_{schema}")
    place.command(f"CREATE ROLE {place.role} LOGIN SUPERUSER")
    far = postgres.url(schema, server=place.wire.address).replace("postgres@", f"{place.role}@")
    try:
        with node(path, far, seen_at=near) as one:
            yield one, place
    finally:
        place.wire.close()


def test_a_node_keeps_working_and_reconnects_after_postgresql_was_away(
    tmp_path: Path, postgres: Postgres
) -> None:
    with on_postgres(tmp_path, postgres) as (one, place):
        held = one.begun("hold")
        before = one.weighs()
        for fault, words in random.sample(FAULTS, effort(2, len(FAULTS))):
            with one.suffers(fault(place), words, effort(5, 40)):
                report = one.project.lines("health", code=1)[0]
                assert report["status"] == "degraded"
            one.comes_back()
        one.weighs_as(before)
        runs = {run.id: run for run in one.tells_the_truth()}
        assert (runs[held].state, runs[held].attempt) == (State.SUCCEEDED, 1)


def test_answers_of_commits_are_lost_under_load(tmp_path: Path, postgres: Postgres) -> None:
    with on_postgres(tmp_path, postgres) as (one, place):
        over = threading.Event()

        def cut() -> None:
            while not over.wait(random.random() / 2):
                place.wire.cut_at_commit = random.choice(["sent", "unsent"])

        cutting = threading.Thread(target=cut)
        cutting.start()
        try:
            done = len(one.journal()) + effort(16, 300)
            until(lambda: len(one.journal()) >= done, within=effort(60, 600))
        finally:
            over.set()
            cutting.join()
            place.wire.cut_at_commit = None
        one.comes_back()
        one.tells_the_truth()


def test_a_server_missing_at_the_start_is_reported(tmp_path: Path, postgres: Postgres) -> None:
    wire = Proxy(postgres.socket)
    wire.close()
    project = Project(tmp_path, ledger_url=postgres.url("none", server=wire.address))
    said = project.rota("up", "--plain", code=2).stderr
    assert "look whether the server is up and reachable" in said.lower()
