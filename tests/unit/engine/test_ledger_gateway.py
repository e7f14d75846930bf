"""The gateway knows since when the ledger is away, and writes on its return what must be."""

from __future__ import annotations

import asyncio

import pytest

from rota.errors import LedgerError, LedgerValueError
from rota.logs import flush
from tests.unit.engine.context import Bench, until

pytestmark = pytest.mark.asyncio


def since(bench: Bench) -> float | None:
    trouble = bench.context.gateway.trouble
    return trouble and trouble[0]


async def test_ledger_trouble_begins_with_the_first_error_and_ends_with_a_write(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = bench.context.gateway
    flush()  # what tests before this one logged
    caplog.clear()
    with bench.away():
        for _ in range(2):
            with pytest.raises(LedgerError):
                await gateway.once(lambda tx: None)
            bench.clock.advance(3)
        assert since(bench) == bench.clock.monotonic() - 6
    await gateway.once(lambda tx: None, changes=False)  # which a full disk lets pass
    assert since(bench) is not None
    await gateway.once(lambda tx: None)
    assert since(bench) is None
    flush()
    assert [one.levelname for one in caplog.records] == ["ERROR", "WARNING"]
    assert "away for 6.0 s" in caplog.text


async def test_what_must_be_written_is_tried_until_it_is(bench: Bench) -> None:
    gateway = bench.context.gateway
    with bench.away():
        writing = asyncio.create_task(gateway.until_done(lambda tx: 7))
        await until(lambda: gateway.trouble)
        waiting = asyncio.create_task(gateway.until_back())
        await asyncio.sleep(0)
        assert not waiting.done()
    assert await writing == 7
    await waiting


async def test_what_can_never_be_written_is_not_tried_again(bench: Bench) -> None:
    def refuse(tx: object) -> None:
        raise LedgerValueError("never")

    with pytest.raises(LedgerValueError):
        await bench.context.gateway.until_done(refuse)
    assert bench.context.gateway.trouble is None, "the ledger is there"
