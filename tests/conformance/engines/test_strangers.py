"""What others write to the broker stops nothing, and an engine that delivers nothing is told of."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from celery import Celery
from kombu.entity import Exchange
from kombu.messaging import Producer

from rota.brokers.celery import LEVELS, CeleryBroker
from rota.core.run import State
from rota.ledger.postgres.database import postgres_address
from rota.testing import Harness, eventually
from tests.brokers import RabbitMQ, Redis
from tests.conformance.engines.conftest import KINDS, Cluster
from tests.conformance.engines.test_engines import held_until, quick
from tests.postgres import Postgres

SERVERS = [
    "redis",
    pytest.param("rabbitmq", marks=pytest.mark.xdist_group("rabbitmq")),
]


NO_RUNS: list[Any] = ["", "\0", "x" * 100_000, None, {"a": 1}, "01K0000000000000000000000\0"]
"""What a message may name in place of a run."""


@pytest.fixture(params=SERVERS)
def broker(request: pytest.FixtureRequest) -> Redis | RabbitMQ:
    """A broker of each kind that Celery is used with."""
    server: Redis | RabbitMQ = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def over_celery(broker: Redis | RabbitMQ, postgres: Postgres, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster whose messages Celery carries."""
    engine = {"engine": "celery", "broker_url": broker.url}
    sections = {"manager": {"ledger_url": postgres.url()}, "cluster": engine}
    cluster = Cluster(tmp_path, sections, broker)
    yield cluster
    cluster.stop()


@pytest.fixture
def over_pgqueuer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster whose messages PgQueuer carries."""
    kind = KINDS["pgqueuer"]
    cluster = Cluster(tmp_path, kind.sections(request), request.getfixturevalue(kind.server))
    yield cluster
    cluster.stop()


def succeeds(node: Harness, task: str = "quick") -> str:
    run_id = node.manager.run_task(task)
    eventually(lambda: node.manager.get_run(run_id).state is State.SUCCEEDED, within=60)
    return run_id


def stalls(node: Harness) -> list[str]:
    """Return what its health says of an engine that delivers nothing."""
    report = node.manager.health()
    found = [reason for reason in report["reasons"] if "delivered nothing" in reason]
    assert not found or report["status"] == "degraded"
    return found


def command_all(url: str) -> None:
    """Send what stops a worker of Celery that listens to it."""
    control = Celery("stranger", broker=url, set_as_current=False).control
    for lane in ("rota.default.async", "rota.default.thread", "rota.default.process"):
        control.cancel_consumer(lane)
    control.rate_limit("rota.execute", "1/h")
    control.time_limit("rota.execute", soft=0.001, hard=0.001)
    control.revoke(["x"], terminate=True)
    control.pool_shrink(1000)
    control.purge()
    control.shutdown()


def test_celerys_remote_control_is_off(over_celery: Cluster, broker: Redis | RabbitMQ) -> None:
    node = over_celery.node(quick)
    node.manager.start()
    succeeds(node)
    stranger = Celery("stranger", broker=broker.url, set_as_current=False)
    command_all(broker.url)
    assert stranger.control.ping(timeout=1) == []
    for _ in range(3):
        succeeds(node)
    with stranger.connection_for_read() as link:  # no queue for commands, events or gossip
        manager = link.default_channel
        if isinstance(broker, Redis):
            keys = {key.decode() for key in manager.client.keys("_kombu.binding.*")}
            foreign = {key for key in keys if not key.startswith("_kombu.binding.rota.")}
            members = {member for key in foreign for member in manager.client.smembers(key)}
            assert not [one for one in members if b"celery.pidbox" in one and b"reply" not in one]
            assert "_kombu.binding.celeryev" not in keys
    eventually(lambda: node.manager.health()["status"] == "healthy")


def test_only_the_one_task_is_carried_out(over_celery: Cluster, broker: Redis | RabbitMQ) -> None:
    """Celery brings tasks of its own, which would run as many others as a message names."""
    node = over_celery.node(quick)
    node.manager.start()
    succeeds(node)
    stranger = Celery("stranger", broker=broker.url, set_as_current=False)
    stranger.conf.task_queue_max_priority = LEVELS - 1
    for name in ("celery.starmap", "celery.chunks", "celery.backend_cleanup", "os.system"):
        stranger.send_task(name, args=("x",), queue="rota.default.async")
    with stranger.connection_for_write() as link:  # and no message at all
        producer = Producer(link, Exchange(""), "rota.default.async")
        producer.publish(b"\xff\x00", content_type="application/x-python-serialize")
        producer.publish("{", content_type="application/json", content_encoding="utf-8")
        producer.publish({"no": "task"})
    for nothing in NO_RUNS:  # the right task, for no run that can be
        stranger.send_task("rota.execute", args=(nothing,), queue="rota.default.async")
    for _ in range(3):
        succeeds(node)
    eventually(lambda: node.manager.health()["status"] == "healthy")


def test_an_engine_that_delivers_nothing_is_degraded(
    over_celery: Cluster, broker: Redis | RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is where a consumer was taken away; so this one may be."""
    make = CeleryBroker._make

    def listening(engine: CeleryBroker) -> Celery:
        app = make(engine)
        app.conf.worker_enable_remote_control = True
        return app

    monkeypatch.setattr(CeleryBroker, "_make", listening)
    node = over_celery.node(quick)
    node.manager.start()
    succeeds(node)
    control = Celery("stranger", broker=broker.url, set_as_current=False).control
    assert control.cancel_consumer("rota.default.async", reply=True, timeout=3)
    run_id = node.manager.run_task("quick")
    eventually(lambda: stalls(node), within=60)
    [reason] = stalls(node)
    assert "'default.async'" in reason
    assert "1 messages wait" in reason
    assert "1000 slots are free" in reason
    control.add_consumer("rota.default.async")
    eventually(lambda: node.manager.get_run(run_id).state is State.SUCCEEDED, within=60)
    eventually(lambda: not stalls(node))


def test_the_same_in_the_ledgers_own_postgresql(over_pgqueuer: Cluster) -> None:
    node = over_pgqueuer.node(quick)
    node.manager.start()
    succeeds(node)
    with connected(node) as link:
        link.execute(
            "CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN NEW.execute_after := now() + interval '1 day'; RETURN NEW; END $$"
        )
        link.execute(
            "CREATE TRIGGER later BEFORE INSERT ON pgqueuer FOR EACH ROW EXECUTE FUNCTION later()"
        )
        run_id = node.manager.run_task("quick")
        eventually(lambda: stalls(node), within=60)
        link.execute("DROP TRIGGER later ON pgqueuer")
        link.execute("UPDATE pgqueuer SET execute_after = now()")
    eventually(lambda: node.manager.get_run(run_id).state is State.SUCCEEDED, within=90)
    eventually(lambda: not stalls(node))


def test_a_message_for_no_run_keeps_no_other_from_being_claimed(over_pgqueuer: Cluster) -> None:
    node = over_pgqueuer.node(quick)
    node.manager.start()
    succeeds(node)
    with connected(node) as link:
        for payload in (
            b"",
            b"\0",
            b"\xff\xfe",
            b"x" * 100_000,
            b"01K0000000000000000000000\0",
            None,
        ):
            link.execute(
                "INSERT INTO pgqueuer (priority, entrypoint, payload, status)"
                " VALUES (0, 'default.async', %s, 'queued')",
                [payload],
            )
    for _ in range(3):
        succeeds(node)
    with connected(node) as link:
        eventually(lambda: not link.execute("SELECT 1 FROM pgqueuer").fetchall())
    eventually(lambda: node.manager.health()["status"] == "healthy")


def test_busy_slots_are_no_stall(over_pgqueuer: Cluster) -> None:
    release = threading.Event()
    node = over_pgqueuer.node(held_until(release), quick, async_slots=2)
    node.manager.start()
    engine = node.manager.services.engine
    node.manager.run_many("held", [None] * 4)
    eventually(lambda: len(engine.in_flight) == 2)
    engine.delivery.look({"held": 2})
    assert engine.delivery._stalls == {}
    release.set()


def test_a_notification_by_another_client_cancels_nothing(over_pgqueuer: Cluster) -> None:
    release = threading.Event()
    node = over_pgqueuer.node(held_until(release))
    node.manager.start()
    run_id = node.manager.run_task("held")
    eventually(lambda: node.manager.get_run(run_id).state is State.RUNNING)
    with connected(node) as link:
        ids = [row[0] for row in link.execute("SELECT id FROM pgqueuer")]
        [schema] = link.execute("SELECT current_schema()").fetchone() or []
        channel = f"{schema}_pgqueuer"
        event: dict[str, Any] = {
            "channel": channel,
            "sent_at": "2026-01-01T00:00:00Z",
            "type": "cancellation_event",
            "ids": [*ids, *range(1, 1000)],
        }
        link.execute("SELECT pg_notify(%s, %s)", (channel, json.dumps(event)))
        succeeding = [node.manager.run_task("held") for _ in range(20)]
        release.set()
        for one in (run_id, *succeeding):
            eventually(lambda id=one: node.manager.get_run(id).state is State.SUCCEEDED)  # type: ignore[misc]

        def said() -> set[str]:
            return {row[0] for row in link.execute("SELECT status::text FROM pgqueuer_log")}

        eventually(lambda: "successful" in said())
        assert "canceled" not in said()


def connected(node: Harness) -> psycopg.Connection[Any]:
    """Connect to the schema of a node's ledger."""
    address, schema = postgres_address(node.manager.config.manager.ledger_url)
    return psycopg.connect(address, autocommit=True, options=f"-c search_path={schema}")
