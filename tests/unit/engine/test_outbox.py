"""The outbox offers each waiting run once, and again what was lost on the way."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from rota.core.ports.broker import Message
from rota.engine.running.outbox import LOST, OVERDUE, Outbox
from rota.errors import LedgerError
from tests.unit.engine.context import Bench, Mailbox

pytestmark = pytest.mark.asyncio


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def outbox(bench: Bench, mailbox: Mailbox) -> Outbox:
    return Outbox(bench.context, mailbox, bench.limits, bench.delivery, set)


def sent(mailbox: Mailbox) -> list[str]:
    return [message.run_id for message in mailbox.messages]


async def test_a_waiting_run_is_offered_once_on_the_lane_of_its_task(
    bench: Bench, outbox: Outbox, mailbox: Mailbox
) -> None:
    bench.known(queue="gpu")
    run_id = bench.planned(priority=3)
    bench.planned(available_at=bench.now + 1)
    for _ in range(2):
        assert await outbox.offer(bench.now) is None
    [message] = mailbox.messages
    assert (message.run_id, message.lane) == (run_id, "gpu.async")


async def test_a_run_of_a_task_that_is_not_known_here_is_not_offered(
    bench: Bench, outbox: Outbox, mailbox: Mailbox
) -> None:
    bench.known()
    bench.planned()
    bench.context.registry.discard("t")
    await outbox.offer(bench.now)
    assert mailbox.messages == []


async def test_what_a_broker_did_not_take_is_offered_again_on_its_return(
    bench: Bench, outbox: Outbox, mailbox: Mailbox
) -> None:
    bench.known()
    run_id = bench.planned()
    mailbox.away = True
    await outbox.offer(bench.now)
    assert outbox.trouble == "the broker is away"
    mailbox.away = False
    await outbox.offer(bench.now)
    assert sent(mailbox) == [run_id]
    assert outbox.trouble is None


async def test_a_message_that_the_broker_lost_is_sent_again(
    bench: Bench, outbox: Outbox, mailbox: Mailbox
) -> None:
    bench.known()
    run_id = bench.planned()
    await outbox.offer(bench.now)
    mailbox.messages.clear()
    bench.clock.advance(OVERDUE - 1)
    await outbox.turn()
    await outbox.offer(bench.now)
    assert sent(mailbox) == []
    bench.clock.advance(2)
    await outbox.turn()
    await outbox.offer(bench.now)
    assert sent(mailbox) == [run_id]


async def test_a_message_that_still_lies_there_is_not_sent_again(
    bench: Bench, outbox: Outbox, mailbox: Mailbox
) -> None:
    bench.known()
    run_id = bench.planned()
    await outbox.offer(bench.now)
    bench.clock.advance(LOST + 1)
    await outbox.turn()
    await outbox.offer(bench.now)
    assert sent(mailbox) == [run_id]


async def test_while_ledger_or_broker_are_away_a_turn_changes_nothing(
    bench: Bench, outbox: Outbox, mailbox: Mailbox
) -> None:
    bench.known()
    run_id = bench.planned()
    with bench.away():
        await outbox.turn()
        with pytest.raises(LedgerError):
            await outbox.offer(bench.now)
    await outbox.offer(bench.now)
    assert sent(mailbox) == [run_id]
    bench.clock.advance(OVERDUE + 1)
    mailbox.away = True
    await outbox.turn()
    assert outbox.trouble is not None


async def test_a_message_that_cannot_be_published_blocks_no_other(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    class Particular(Mailbox):
        def publish(self, messages: Collection[Message], connection: Any) -> None:
            if any(message.run_id == bad for message in messages):
                raise TypeError("no JSON of it")
            super().publish(messages, connection)

    mailbox = Particular()
    outbox = Outbox(bench.context, mailbox, bench.limits, bench.delivery, set)
    bench.known()
    first, bad, last = (bench.planned() for _ in range(3))
    await outbox.offer(bench.now)
    assert sorted(sent(mailbox)) == sorted([first, last])
    assert outbox.trouble is None
    assert f"Run {bad} cannot be published" in caplog.text
