"""Writes how attempts ended and what their runs become, fenced by the lease."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from rota.core.lifecycle import Settlement, settle
from rota.core.outcome import Outcome, OutcomeKind, error_text, in_time, timed_out, type_name
from rota.core.ports.executor import AttemptSpec
from rota.core.ports.ledger import Transaction
from rota.core.ports.records import AttemptEnd
from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import RunReason
from rota.core.run import Attempt, LogLine, State
from rota.core.time import Instant
from rota.engine.context import NodeContext
from rota.engine.health.turning import turned
from rota.engine.running.in_flight import InFlightRun
from rota.engine.wake import Wake
from rota.logs import queued

logger = queued("rota.runner")

BATCH = 2_000


class _EndedAttempt(NamedTuple):
    """An attempt that has ended, with all that is to be written of it."""

    flight: InFlightRun
    ending: AttemptEnd
    lines: Sequence[LogLine] = ()
    progress: dict[str, Any] | None = None

    @property
    def at(self) -> Instant:
        return self.ending.attempt.finished_at


class Recorder:
    """Takes the outcomes of ended attempts from any thread and records them in batches."""

    def __init__(self, context: NodeContext) -> None:
        self._clock = context.clock
        self._in_flight = context.in_flight
        self._gateway = context.gateway
        self._identity = context.identity
        self._signals = context.signals
        self._ended: deque[tuple[AttemptSpec, Outcome, Instant, float]] = deque()
        self.total = 0  # attempts recorded since the start
        self.recorded = threading.Event()  # set whenever something became durable
        self.wake = Wake()
        context.signals.attempt_ended.connect(self.ended)

    def ended(self, call: AttemptSpec, outcome: Outcome) -> None:
        """Take the end of an attempt, from any thread."""
        self._ended.append((call, outcome, self._clock.now(), self._clock.monotonic()))
        self.wake.set()

    @property
    def unwritten(self) -> int:
        """Return how many attempts have ended and are not yet durable."""
        return len(self._ended) + len(self._in_flight.going)

    @property
    def is_idle(self) -> bool:
        """Return whether everything that ended is durable."""
        return not self.unwritten

    def backlog(self) -> tuple[int, float]:
        """Return how many attempts have ended and are not yet durable, and for how many seconds the
        oldest of them has waited to be written."""
        ended = self._ended
        try:
            oldest = ended[0][3]
        except IndexError:
            return self.unwritten, 0.0
        return self.unwritten, self._clock.monotonic() - oldest

    async def run(self) -> None:
        """Record until cancelled."""
        while True:
            await self.wake.wait()
            while self._ended:
                turned()
                await self._record_some()

    async def _record_some(self) -> None:
        ended: list[_EndedAttempt] = []
        for _ in range(min(len(self._ended), BATCH)):
            call, outcome, at, monotonic = self._ended.popleft()
            flight = self._in_flight.pop(call)
            if flight is None:
                continue  # it was given up, and this end comes too late
            if flight.timed_out or monotonic > flight.time_up:
                outcome = _final_outcome(flight, outcome, monotonic)
            ended.append(self._take_end(flight, outcome, at))
        if not ended:
            return
        self._in_flight.going = frozenset(one.ending.attempt.run_id for one in ended)
        self._signals.runs_available.send(None)
        try:
            for run_id in await self._write(ended):
                logger.warning("run %s is another node's by now: its end here is void", run_id)
            self._signals.ends_recorded.send(self._in_flight.going)
            if any(map(_may_pause, ended)):
                self._signals.tasks_paused.send()
        finally:
            self._in_flight.going = frozenset()
        self.total += len(ended)
        self.recorded.set()
        for instant in {None, *(one.ending.settlement.available_at for one in ended)}:
            self._signals.runs_available.send(instant)

    async def _write(self, ended: Sequence[_EndedAttempt]) -> list[str]:
        """Write these ends, whatever one of them contains; returns the ids of those refused."""
        try:
            return await self._gateway.until_done(partial(self._settle, ended))
        except Exception as error:
            if len(ended) > 1:
                return [run_id for one in ended for run_id in await self._write([one])]
            logger.exception("The end of run %s cannot be written", ended[0].flight.claim.run_id)
            plain = _EndedAttempt(ended[0].flight, self._plain(ended[0].flight, error, ended[0].at))
            return await self._gateway.until_done(partial(self._settle, [plain]))

    def _settle(self, ended: Sequence[_EndedAttempt], tx: Transaction) -> list[str]:
        lines = [line for one in ended for line in one.lines]
        if lines:
            tx.log(lines)
        for one in ended:
            if one.progress is not None:
                claim = one.flight.claim
                tx.progress(claim.run_id, claim.fence, one.progress)
        refused = tx.settle([one.ending for one in ended], self._identity.id)
        for one in ended:
            most = _failures_to_pause(one)
            if most is not None and one.flight.claim.run_id not in refused:
                tx.pause_failing(one.flight.claim.task_id, most, one.at)
        return refused

    def _take_end(self, flight: InFlightRun, outcome: Outcome, at: Instant) -> _EndedAttempt:
        lines, progress = flight.reporter.take()
        try:
            ending = self._ending(flight, outcome, at)
        except Exception as error:  # the others have ended as well
            logger.exception("The end of run %s cannot be judged", flight.claim.run_id)
            ending = self._plain(flight, error, at)
        return _EndedAttempt(flight, ending, lines, progress)

    def _plain(self, flight: InFlightRun, error: Exception, at: Instant) -> AttemptEnd:
        """Return an end that says only that the real one cannot be written."""
        claim, why = flight.claim, f"its end could not be recorded: {error_text(error)}"
        reason = RunReason(ReasonCode.ERROR, why)
        return AttemptEnd(
            Attempt(
                run_id=claim.run_id,
                number=claim.attempt,
                node=self._identity.id,
                started_at=min(flight.started_at, at),
                finished_at=at,
                outcome=OutcomeKind.FAILED,
                error=why,
            ),
            claim.fence,
            Settlement(
                State.FAILED,
                reason,
                claim.failures + 1,
                claim.crashes,
                error_type=type_name(type(error)),
            ),
        )

    def _ending(self, flight: InFlightRun, outcome: Outcome, at: Instant) -> AttemptEnd:
        claim = flight.claim
        settlement = settle(
            outcome,
            run_id=claim.run_id,
            failures=claim.failures,
            crashes=claim.crashes,
            policy=flight.policy,
            now=at,
            attempt=claim.attempt,
            time_up=flight.total_until,
            cancel_reason=flight.cancel_reason,
            handed_back=flight.handed_back,
        )
        if settlement.state is not State.SUCCEEDED:
            _log_end(flight, outcome, settlement)
        attempt = Attempt(  # by position: one is made for every run
            claim.run_id,
            claim.attempt,
            self._identity.id,
            min(flight.started_at, at),  # the clock may have been set back meanwhile
            at,
            outcome.kind,
            outcome.error,
            outcome.traceback,
            outcome.peak_memory,
        )
        return AttemptEnd(attempt, claim.fence, settlement)


def _final_outcome(flight: InFlightRun, outcome: Outcome, ended: float) -> Outcome:
    """Return a timeout for an attempt that ended after its deadline, whatever its own outcome."""
    timeout, total = flight.policy.timeout, flight.is_last_time
    if total and flight.policy.total_timeout is not None:
        timeout = flight.policy.total_timeout
    if flight.timed_out and flight.stopped_at is not None and ended >= flight.stopped_at:
        return timed_out(outcome, timeout, total=total)
    return in_time(outcome, timeout, ended=ended, deadline=flight.time_up, total=total)


def _failures_to_pause(one: _EndedAttempt) -> int | None:
    """Return after how many failed runs in a row the task is paused, if its run failed now."""
    failed = one.ending.settlement.state is State.FAILED
    return one.flight.policy.pause_after_failures if failed else None


def _may_pause(one: _EndedAttempt) -> bool:
    """Return whether the end of an attempt may have paused its task."""
    crashed = one.ending.attempt.outcome is OutcomeKind.CRASHED
    return crashed or _failures_to_pause(one) is not None


def _log_end(flight: InFlightRun, outcome: Outcome, settlement: Settlement) -> None:
    is_meant = settlement.state in (State.CANCELLED, State.SKIPPED)
    level = logging.INFO if is_meant else logging.ERROR
    logger.log_end(
        level,
        "%s: attempt %d of run %s ended %s; run %s: %s",
        flight.claim.task_id,
        flight.claim.attempt,
        flight.claim.run_id,
        outcome.kind,
        settlement.state,
        settlement.reason.text,
        cause=outcome.cause,
        trace=outcome.traceback or "",
    )
