"""A signal calls whoever listens, at once, whatever one of them does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from rota.core.task import ExecutorName
from rota.engine import Node
from rota.engine.settings import Settings
from rota.engine.signals import NodeSignals, Signal
from rota.executors.coroutines.executor import AioExecutor
from rota.ledger import open_ledger
from rota.testing import FakeClock
from tests.unit.engine.context import Mailbox


@pytest.fixture
def node() -> Iterator[Node]:
    """A whole node with a broker, built and not started."""
    clock, loop = FakeClock(), AioExecutor()
    yield Node(
        machine=clock,
        ledger=open_ledger("memory://", clock=clock),
        executors={ExecutorName.ASYNC: loop},
        loop=loop,
        settings=Settings(),
        engine=Mailbox(),
    )


def test_listeners_are_called_in_the_order_of_their_connecting_on_the_thread_that_sends() -> None:
    signal, found = Signal[str](), list[tuple[str, int]]()
    signal.connect(lambda text: found.append((f"first {text}", threading.get_ident())))
    signal.connect(lambda text: found.append((f"then {text}", threading.get_ident())))
    thread = threading.Thread(target=signal.send, args=("now",))
    thread.start()
    thread.join()
    assert found == [("first now", thread.ident), ("then now", thread.ident)]


def test_a_listener_that_raises_is_logged_and_the_next_one_is_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    signals, found = NodeSignals(), list[object]()

    def breaks(_: object) -> None:
        raise RuntimeError("broken")

    signals.runs_available.connect(breaks)
    signals.runs_available.connect(found.append)
    signals.runs_available.send(None)
    assert found == [None]
    [record] = caplog.records
    assert "runs_available" in record.getMessage()
    assert record.exc_info is not None


def test_every_signal_of_a_node_has_listeners(node: Node) -> None:
    signals = node.context.signals
    silent = [one.name for one in fields(signals) if not len(getattr(signals, one.name))]
    assert silent == []


def test_every_signal_says_who_sends_it_and_who_listens() -> None:
    import rota.engine.signals as module

    source = Path(module.__file__).read_text()
    for one in fields(NodeSignals):
        text = source.partition(f"    {one.name}: ")[2].partition('"""')[2].partition('"""')[0]
        assert "Sent by" in text, one.name
        assert "listen" in text, one.name
