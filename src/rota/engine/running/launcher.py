"""Starts claimed attempts, each at its instant."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from rota.core.outcome import Outcome, OutcomeKind, timed_out, unstartable
from rota.core.ports.executor import AttemptSpec, Executor
from rota.core.ports.records import Claim
from rota.core.task import arguments_of_run, policy_of_run
from rota.core.time import SECOND, Instant, seconds
from rota.core.trigger import LEAD
from rota.engine.context import NodeContext
from rota.engine.membership.heartbeat import Heartbeat
from rota.engine.planning.task_registry import RegisteredTask
from rota.engine.running.in_flight import InFlightRun
from rota.engine.running.moments import MomentsAround
from rota.engine.running.reporter import RunReporter
from rota.errors import StateError
from rota.logs import queued

logger = queued("rota.dispatcher")

LEASE_LOOK = 0.05
"""Seconds between two looks at whether the lease holds again."""

_NONE: Mapping[str, Exception] = MappingProxyType({})


class Launcher:
    """Registers claimed runs as in flight and hands them to their executors, none before its
    instant.

    A run that cannot be started ends at once, with the reason.
    """

    def __init__(
        self,
        context: NodeContext,
        executors: Mapping[str, Executor],
        heartbeat: Heartbeat,
        *,
        log_limit: int,
    ) -> None:
        """`log_limit`: bytes of log that are kept of an attempt."""
        self._clock = context.clock
        self._ledger = context.ledger
        self._registry = context.registry
        self._in_flight = context.in_flight
        self._executors = executors
        self._heartbeat = heartbeat
        self._log_limit = log_limit
        self._taken = context.signals.attempts_taken.send
        self._ended = context.signals.attempt_ended.send
        self._waiting = context.signals.output_waiting.send

    def start(
        self, claims: Iterable[tuple[Claim, Instant]], unjudged: Mapping[str, Exception] = _NONE
    ) -> None:
        """Start each claim at its instant, or at once if that has passed; those of the `unjudged`
        runs end with their error."""
        now = self._clock.now()
        in_flight: dict[tuple[str, Instant], list[InFlightRun]] = {}
        for claim, instant in claims:
            entry = self._registry.get(claim.task_id)
            if entry is None:  # discarded since: it is unconfirmed now, and handed back
                logger.warning("%s was claimed and is no longer known", claim.task_id)
                continue
            at = max(instant, now)
            error = unjudged.get(claim.run_id)
            flight, trouble = self._prepared(claim, entry, at, (at - now) / SECOND, error)
            self._in_flight.add(flight)
            if trouble is None:
                in_flight.setdefault((flight.executor_name, at), []).append(flight)
            else:
                self._ended(flight.call, trouble)
        for (name, at), some in in_flight.items():
            self._taken(some)
            self._submit(name, at, some)

    def _submit(self, name: str, at: Instant, in_flight: Sequence[InFlightRun]) -> None:
        now = self._clock.now()
        wait = (at - now) / SECOND
        # Also when this is called back: nothing starts early by the wall clock. A longer wait comes
        # from a clock that was set back since; by the old clock the instant has come.
        if not 0 < wait <= LEAD / SECOND:
            wait = 0.0
            if not self._heartbeat.holds:  # this node was frozen since it claimed them
                self._heartbeat.wake.set()
                wait = LEASE_LOOK
        if wait:
            asyncio.get_running_loop().call_later(wait, self._submit, name, at, in_flight)
            return
        held = [flight for flight in in_flight if self._in_flight.has(flight)]
        starting = [flight for flight in held if flight.stopped_at is None]
        for flight in starting:
            flight.started_at = max(at, now)  # later than when it was claimed if this node is late
        calls = [flight.call for flight in starting]
        if calls:
            self._hand_over(name, calls)
        for flight in held:
            if flight.stopped_at is not None:
                self._ended(flight.call, Outcome(OutcomeKind.CANCELLED))

    def _hand_over(self, name: str, calls: Sequence[AttemptSpec]) -> None:
        try:
            self._executors[name].submit(calls, self._ended)
        except StateError:  # it is being shut down: they are handed back
            raise
        except Exception as error:
            for call in calls:
                self._ended(call, unstartable(error))

    def _prepared(
        self,
        claim: Claim,
        entry: RegisteredTask,
        at: Instant,
        wait: float,
        error: Exception | None,
    ) -> tuple[InFlightRun, Outcome | None]:
        """Return an attempt, and its outcome if it cannot be started: then this attempt ends with
        it, and no other attempt is made.
        """
        try:
            if claim.damage:
                raise ValueError(f"its row is damaged: {claim.damage}")
            if error is not None:
                raise error
            if claim.arguments is not None and not isinstance(claim.arguments, (dict, Mapping)):
                raise TypeError(f"its arguments are {claim.arguments!r:.200}, no names with values")
            flight = self._flight(claim, entry, at, wait)
            return flight, None if flight.total_until is None else _out_of_time(flight, at)
        except Exception as raised:
            logger.exception("Run %s of %s cannot be started", claim.run_id, claim.task_id)
            flight = self._flight(claim._replace(arguments=None), entry, at, wait)
            return flight, unstartable(raised)

    def _flight(self, claim: Claim, entry: RegisteredTask, at: Instant, wait: float) -> InFlightRun:
        """Return the attempt of a claim.

        Its records are made by position: by name takes three times as long, for every run.
        """
        task, policy, executor = entry.definition, entry.policy, entry.definition.executor
        if claim.options:
            policy = policy_of_run(policy, claim.options)
        args, kwargs = arguments_of_run(task, claim.arguments)
        reporter = RunReporter(
            claim.run_id,
            claim.attempt,
            claim.fence,
            self._log_limit,
            self._ledger,
            self._clock,
            self._waiting,
            MomentsAround(entry, claim.fire_time, at, self._ledger),
        )
        call = AttemptSpec(
            claim.run_id,
            claim.task_id,
            claim.attempt,
            claim.fire_time,
            task.func,
            task.func_path,
            task.source.file if task.source else None,
            args,
            kwargs,
            claim.checkpoint,
            claim.steps,
            reporter,
            claim.replay,
        )
        limit, total_until = policy.timeout, None
        if policy.total_timeout is not None:
            first = at if claim.started_at is None else claim.started_at
            total_until = first + seconds(policy.total_timeout)
            limit = min(limit, (total_until - at) / SECOND)
        time_up = self._clock.monotonic() + wait + limit
        return InFlightRun(
            claim,
            call,
            policy,
            self._executors[executor],
            executor,
            reporter,
            at,
            time_up,  # its first deadline
            time_up,
            total_until,
            limit < policy.timeout,
        )


def _out_of_time(flight: InFlightRun, at: Instant) -> Outcome | None:
    """Return the outcome of an attempt that begins when its `total_timeout` has passed."""
    if flight.total_until is None or at < flight.total_until:
        return None
    total = flight.policy.total_timeout or 0.0
    return timed_out(Outcome(OutcomeKind.TIMED_OUT), total, total=True)
