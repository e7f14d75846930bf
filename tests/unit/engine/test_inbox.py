"""The inbox holds what an engine delivered until it has ended here, or is none for this node."""

from __future__ import annotations

import asyncio

import pytest

from rota.core.ports.broker import Message
from rota.engine.running import inbox as module
from rota.engine.running.inbox import Inbox
from tests.unit.engine.context import Bench, Mailbox, heard, until

pytestmark = pytest.mark.asyncio

LANE = "default.async"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)
    monkeypatch.setattr(module, "LOOK_EVERY", 0.001)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def inbox(bench: Bench, mailbox: Mailbox) -> Inbox:
    bench.unwritten()
    return Inbox(bench.context, mailbox, bench.capacity, bench.delivery)


async def test_a_delivered_run_is_held_until_its_end_is_recorded(
    bench: Bench, inbox: Inbox, mailbox: Mailbox
) -> None:
    available = heard(bench.signals.runs_available)
    async with bench.running(inbox):
        mailbox.messages = [Message("a", LANE, 0), Message("b", LANE, 0)]
        await until(lambda: inbox.unclaimed() == ["a", "b"])
        assert available == [(None,), (None,)]
        inbox.claimed({"a": "t"})
        assert inbox.unclaimed() == ["b"]
        bench.signals.ends_recorded.send({"a"})
        await until(lambda: mailbox.done == ["a"])
        inbox.drop(["b"])
        await until(lambda: mailbox.done == ["a", "b"])


async def test_a_run_that_is_delivered_twice_is_held_once(
    bench: Bench, inbox: Inbox, mailbox: Mailbox
) -> None:
    async with bench.running(inbox):
        mailbox.messages = [Message("a", LANE, 0)] * 2
        await until(lambda: inbox.unclaimed() == ["a"])
        inbox.drop(["a"])
        await until(lambda: mailbox.done == ["a", "a"])


async def test_a_node_that_was_declared_gone_holds_nothing(bench: Bench, inbox: Inbox) -> None:
    taking = asyncio.create_task(inbox.take("a"))
    await until(inbox.unclaimed)
    bench.signals.declared_gone.send()
    await taking
    assert inbox.unclaimed() == []


async def test_what_is_delivered_after_the_stop_is_given_back(inbox: Inbox) -> None:
    taking = asyncio.create_task(inbox.take("a"))
    await until(inbox.unclaimed)
    assert inbox.stop() == ["a"]
    await taking
    await inbox.take("b")
    assert inbox.late() == ["b"]


async def test_an_engine_that_goes_away_is_tried_again(
    bench: Bench, inbox: Inbox, mailbox: Mailbox
) -> None:
    async with bench.running(inbox):
        mailbox.away = True
        await until(lambda: inbox.trouble)
        mailbox.away = False
        mailbox.messages = [Message("a", LANE, 0)]
        await until(lambda: inbox.unclaimed() == ["a"])
        assert inbox.trouble is None


async def test_a_new_queue_is_served_as_soon_as_there_is_one(
    bench: Bench, inbox: Inbox, mailbox: Mailbox
) -> None:
    async with bench.running(inbox):
        mailbox.messages = [Message("a", "gpu.async", 0)]
        bench.unwritten("other", queue="gpu")
        await until(lambda: inbox.unclaimed() == ["a"])
