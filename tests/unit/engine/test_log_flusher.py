"""What running attempts say comes into the ledger in one write for all, up to a limit."""

from __future__ import annotations

import threading

import pytest

from rota.core.run import LogLine
from rota.engine.running.log_flusher import LogFlusher
from rota.engine.running.reporter import RunReporter
from rota.errors import LedgerError
from tests.unit.engine.context import Bench, heard, until

pytestmark = pytest.mark.asyncio


async def reporter_of(bench: Bench, limit: int = 1_000, fence: int = 1) -> RunReporter:
    await bench.heartbeat.join()
    bench.known()
    claim = bench.claimed()
    return RunReporter(
        run_id=claim.run_id,
        attempt=1,
        fence=fence,
        limit=limit,
        ledger=bench.ledger,
        clock=bench.clock,
        waiting=bench.signals.output_waiting.send,
        moment=lambda _: None,
    )


def lines(bench: Bench) -> list[LogLine]:
    [run] = bench.runs()
    return bench.ledger.real_history.logs(run.id)


async def test_lines_and_progress_of_an_attempt_are_written_by_the_next_flush(
    bench: Bench,
) -> None:
    flusher, waiting = LogFlusher(bench.context), heard(bench.signals.output_waiting)
    reporter = await reporter_of(bench)

    def attempt() -> None:
        reporter.log("INFO", "mine", "one")
        reporter.log("INFO", "mine", "two")
        reporter.progress(1, 2, "half")

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert len(waiting) == 1, "once until the next flush"
    await flusher.flush()
    assert [line.text for line in lines(bench)] == ["one", "two"]
    assert bench.runs()[0].progress == {"done": 1, "total": 2, "note": "half"}
    reporter.log("INFO", "mine", "three")
    assert len(waiting) == 2


async def test_a_line_that_reaches_the_limit_says_so_and_is_the_last(bench: Bench) -> None:
    flusher, reporter = LogFlusher(bench.context), await reporter_of(bench, limit=100)
    for text in ("x" * 200, "y"):
        reporter.log("INFO", "mine", text)
    await flusher.flush()
    [line] = lines(bench)
    assert "run_log_limit" in line.text


async def test_while_the_ledger_is_away_lines_are_kept_and_written_on_its_return(
    bench: Bench,
) -> None:
    flusher, reporter = LogFlusher(bench.context), await reporter_of(bench)
    async with bench.running(flusher):
        with bench.away():
            reporter.log("INFO", "mine", "one")
            await until(lambda: bench.context.gateway.trouble)
        await until(lambda: lines(bench))


async def test_a_checkpoint_is_refused_once_the_run_is_anothers(bench: Bench) -> None:
    reporter = await reporter_of(bench)
    reporter.checkpoint({"page": 3})
    stranger = RunReporter(
        run_id=reporter.run_id,
        attempt=1,
        fence=reporter.fence - 1,
        limit=0,
        ledger=bench.ledger,
        clock=bench.clock,
        waiting=lambda _: None,
        moment=lambda _: None,
    )
    with pytest.raises(LedgerError, match="another node"):
        stranger.checkpoint({"page": 4})
    with bench.away(), pytest.raises(LedgerError, match="away"):
        reporter.checkpoint({"page": 4})
