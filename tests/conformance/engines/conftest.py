"""The engines under test: one entry here is all that another one needs to take part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest

from rota.runtime.system_clock import SystemClock
from rota.testing import Harness
from tests.brokers import rabbitmq as rabbitmq
from tests.brokers import redis as redis
from tests.postgres import Postgres
from tests.postgres import postgres as postgres


class Kind(NamedTuple):
    """A kind of engine: the sections of a configuration that has it, on an empty ledger, and the
    fixture of the server that carries its messages."""

    sections: Callable[[pytest.FixtureRequest], dict[str, dict[str, Any]]]
    server: str = "postgres"


def _on_postgres(
    request: pytest.FixtureRequest, engine: str, **options: str
) -> dict[str, dict[str, Any]]:
    url = request.getfixturevalue("engine_ledger")(engine)
    return {"manager": {"ledger_url": url}, "cluster": {"engine": engine, **options}}


def _celery(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    return _on_postgres(request, "celery", broker_url=request.getfixturevalue("redis").url)


KINDS = {
    "local": Kind(lambda request: _on_postgres(request, "local")),
    "pgqueuer": Kind(lambda request: _on_postgres(request, "pgqueuer")),
    "celery": Kind(_celery, "redis"),
}


class Server(Protocol):
    """What carries the messages."""

    def cut(self) -> None:
        """Close every connection to it."""


class Cluster:
    """Nodes on one ledger and engine, each a task manager of this process."""

    def __init__(
        self, directory: Path, sections: dict[str, dict[str, Any]], server: Server
    ) -> None:
        self._directory = directory
        self._sections = sections
        self.server = server
        self.nodes: list[Harness] = []

    def node(
        self, *tasks: Callable[..., Any], cluster: dict[str, Any] | None = None, **options: Any
    ) -> Harness:
        """Make another node, not started yet, which knows these tasks."""
        harness = Harness(
            self._directory,
            SystemClock(),
            cluster={**self._sections["cluster"], **(cluster or {})},
            node=f"n{len(self.nodes)}",
            **{**self._sections["manager"], "lease_seconds": 2, **options},
        )
        self.nodes.append(harness)
        for task in tasks:
            definition = {"overlap": "allow", **getattr(task, "options", {})}
            harness.manager.add_task(task, "interval", task.__name__, hours=1000, **definition)
        return harness

    def stop(self) -> None:
        """Stop them all."""
        for harness in self.nodes:
            harness.manager.shutdown(grace=0)


@pytest.fixture
def engine_ledger(postgres: Postgres) -> Iterator[Callable[[str], str]]:
    """Lends empty ledgers, each by the engine that may have tables of its own in it."""
    with ExitStack() as lent:
        yield lambda engine: lent.enter_context(postgres.ledger(engine))


@pytest.fixture(params=KINDS)
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster of each kind."""
    kind = KINDS[request.param]
    cluster = Cluster(tmp_path, kind.sections(request), request.getfixturevalue(kind.server))
    yield cluster
    cluster.stop()
