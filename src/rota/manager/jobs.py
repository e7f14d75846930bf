"""Enqueueing: requested runs, each written by one short transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple

from rota.core.audit import Actor, Face
from rota.core.ports.ledger import Ledger, Transaction
from rota.core.ports.records import Enqueued, NewRun
from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import RunReason
from rota.core.run import Cause, State
from rota.core.task import BY_PLACE, JOB, Overlap, Policy, TaskDefinition
from rota.core.time import Instant, seconds, to_iso
from rota.definitions.arguments import overlap_key_of, parameters_of
from rota.engine.planning.task_registry import RegisteredTask, records
from rota.errors import StateError, UnknownTaskError
from rota.manager.run_arguments import checked_arguments
from rota.manager.run_ends import RunEnds
from rota.manager.run_options import OwnOptions, read_options
from rota.manager.tasks import TaskVerbs
from rota.task_api.actor import actor
from rota.task_api.handles import RunHandle
from rota.task_api.jobs import Arguments, OnConflict, in_thread


class JobVerbs(TaskVerbs):
    """Enqueues runs."""

    def enqueue(
        self,
        id: str,
        *,
        arguments: Mapping[str, Any] | None = None,
        run_at: datetime | None = None,
        delay: float | None = None,
        key: str | None = None,
        on_conflict: OnConflict | None = None,
        priority: int | None = None,
        queue: str | None = None,
        max_retries: int | None = None,
        timeout: float | None = None,
        tags: Iterable[str] | None = None,
        connection: Any = None,
        on_commit: Callable[[Callable[[], Any]], Any] | None = None,
        reason: str = "",
    ) -> RunHandle[Any]:
        """Enqueue a run of a task, and return its handle; it is durable when this returns.

        Some node that knows the task runs it: at once, or at `run_at` (without a zone: in the
        task's), or `delay` seconds from now. `arguments` are passed by keyword and checked now.
        `priority` to `tags` lie over the task's options for this run alone. None: not given.

        `key` is unique within the task: while the run with a key has not ended, and for the task's
        `key_ttl` seconds after it was made, a call with the same key returns the handle of that run
        (`on_conflict="return"`), replaces it while it waits (`"replace"`), or raises StateError
        (`"error"`).

        Raises UnknownTaskError; ArgumentError, or Mistakes for several, for arguments that the
        function does not take or JSON cannot hold; DefinitionError for other options that are
        wrong; LedgerError.
        """
        given = _given(locals())
        request = EnqueueRequest(id, [((), arguments or {})], given, reason=reason)
        return self._enqueue(request)[0]

    async def aenqueue(
        self, id: str, *, arguments: Mapping[str, Any] | None = None, **options: Any
    ) -> RunHandle[Any]:
        """Enqueue a run as `enqueue` does, with the same options, while the event loop runs on."""
        reason = options.pop("reason", "")
        unknown = options.keys() - OPTION_NAMES
        if unknown:
            raise TypeError(f"aenqueue() takes no {', '.join(sorted(unknown))}")
        given = _given({**dict.fromkeys(OPTION_NAMES), **options})
        return (
            await self._aenqueue(EnqueueRequest(id, [((), arguments or {})], given, reason=reason))
        )[0]

    def _enqueue(self, request: EnqueueRequest) -> list[RunHandle[Any]]:
        ready = self._prepared(request)
        own, found = ready.own, [Enqueued(run.id) for run in ready.runs]
        if not found:
            return []
        if own.on_commit is not None:
            own.on_commit(lambda: self._write_runs(request, ready))
        elif own.connection is None:
            found = self._write_runs(request, ready)
        else:
            try:
                found = self._with_connection(request, ready)
            except StateError as error:
                hook = hook_of(own.connection)
                if hook is None or error.where != "connection":
                    raise
                hook(lambda: self._write_runs(request, ready))
        return self._handles(request, found)

    async def _aenqueue(self, request: EnqueueRequest) -> list[RunHandle[Any]]:
        """Enqueue while the event loop runs on; its own connections are used on it."""
        connection = request.options.get("connection")
        if connection is None or request.options.get("on_commit") is not None:
            handles: list[RunHandle[Any]] = await in_thread(lambda: self._enqueue(request))
            return handles
        ready: _CheckedRuns = await in_thread(lambda: self._prepared(request))
        how: dict[str, Any] = {"on_conflict": ready.own.on_conflict, "key_until": ready.key_until}
        ledger = self.services.ledger
        try:
            found = await ledger.run_with_async(connection, ready.runs, **how)
        except UnknownTaskError:
            await in_thread(lambda: self._register(request, ready))
            found = await ledger.run_with_async(connection, ready.runs, **how)
        return self._handles(request, found)

    def _prepared(self, request: EnqueueRequest) -> _CheckedRuns:
        """Check everything that a call asks for."""
        self._open()
        entry, now = self.services.engine.registry.get(request.id), self._now()
        if entry is None and request.id not in self._stored_ids([request.id]):
            raise self._unknown(request.id)  # which names the nearest task of this process too
        own = read_options(
            request.options,
            now=now,
            moment=lambda name, value: self.instant_of(name, value, request.id),
        )
        runs = self._new_runs(request, entry, own, now)
        until = now + seconds(self._policy_of(request.id, entry).key_ttl)
        return _CheckedRuns(runs, own, until, entry)

    def _handles(self, request: EnqueueRequest, found: Iterable[Enqueued]) -> list[RunHandle[Any]]:
        return [RunHandle(one.run_id, request.id, self._ends, is_new=one.is_new) for one in found]

    def _with_connection(self, request: EnqueueRequest, ready: _CheckedRuns) -> list[Enqueued]:
        how: dict[str, Any] = {"on_conflict": ready.own.on_conflict, "key_until": ready.key_until}
        ledger, connection = self.services.ledger, ready.own.connection
        try:
            return ledger.run_with(connection, ready.runs, **how)
        except UnknownTaskError:
            self._register(request, ready)
            return ledger.run_with(connection, ready.runs, **how)

    def _register(self, request: EnqueueRequest, ready: _CheckedRuns) -> None:
        if ready.entry is None:
            raise self._unknown(request.id)
        rows, now = records([ready.entry]), self._now()
        self.services.ledger.run(lambda tx: tx.register(rows, now))

    def _write_runs(self, request: EnqueueRequest, ready: _CheckedRuns) -> list[Enqueued]:
        engine, own = self.services.engine, ready.own

        def write(tx: Transaction) -> list[Enqueued]:
            how: dict[str, Any] = {"on_conflict": own.on_conflict, "key_until": ready.key_until}
            return tx.enqueue(ready.runs, by=request.by, **how)

        try:
            found = self.services.ledger.run(write)
        except UnknownTaskError:
            self._register(request, ready)
            found = self.services.ledger.run(write)
        if engine.is_running:
            engine.dispatcher.wake.set()
        return found

    def _new_runs(
        self, request: EnqueueRequest, entry: RegisteredTask | None, own: OwnOptions, now: Instant
    ) -> list[NewRun]:
        code = entry.definition if entry else None
        policy, trigger = self._policy_of(request.id, entry), self._trigger_of(request.id, entry)
        overlap = _overlap(policy, trigger)
        given = checked_arguments(
            request.id, code, [_named(code, one) for one in request.calls], many=request.many
        )
        at = now if own.available_at is None else own.available_at
        waits = at > now
        reason = request.reason or (f"it starts at {to_iso(at)}" if waits else "")
        new_id = self.services.engine.ids.new
        return [
            NewRun(
                id=new_id(now),
                task_id=request.id,
                fire_time=None,
                cause=Cause.MANUAL,
                state=State.SCHEDULED if waits else State.QUEUED,
                reason=RunReason(ReasonCode.RUN_AT if waits else None, reason),
                available_at=at,
                created_at=now,
                overlap=overlap,
                arguments=arguments,
                retry_of=request.retry_of,
                priority=next(
                    one
                    for one in (own.priority, request.priority, policy.priority)
                    if one is not None
                ),
                key=own.key,
                options=own.options or request.own,
                overlap_key=overlap_key_of(policy.overlap_key, code, arguments),
            )
            for arguments in given
        ]

    def _policy_of(self, id: str, entry: RegisteredTask | None) -> Policy:
        return entry.policy if entry else self.history.task(id).record.policy

    def _trigger_of(self, id: str, entry: RegisteredTask | None) -> str:
        return entry.definition.trigger if entry else self.history.task(id).record.trigger

    @cached_property
    def _ends(self) -> RunEnds:
        return RunEnds(self._open_ledger, lambda: self.services.engine.registry)

    def _open_ledger(self) -> Ledger:
        self._open()
        return self.services.ledger


class _CheckedRuns(NamedTuple):
    """Runs that are checked and may be written."""

    runs: list[NewRun]
    own: OwnOptions
    key_until: Instant
    entry: RegisteredTask | None


class EnqueueRequest:
    """What is asked for: calls of a task, with options for all of them."""

    def __init__(
        self,
        id: str,
        calls: Sequence[Arguments],
        options: Mapping[str, Any],
        *,
        many: bool = False,
        reason: str = "",
        retry_of: str | None = None,
        own: Mapping[str, Any] | None = None,
        priority: int | None = None,
    ) -> None:
        self.id, self.calls, self.options, self.many = id, calls, options, many
        self.reason, self.retry_of, self.own, self.priority = reason, retry_of, own, priority
        who = actor()
        self.by: Actor | None = None if who.face is Face.PYTHON else who
        """The author in the audit. Code of the application is not noted: its runs show that
        themselves.
        """


def _overlap(policy: Policy, trigger: str) -> Overlap:
    """Return the overlap rule of a requested run: if its task has a trigger, it waits for its
    turn.
    """
    if trigger == JOB or policy.overlap is Overlap.ALLOW:
        return policy.overlap
    return Overlap.QUEUE


def _named(code: TaskDefinition | None, call: Arguments) -> Mapping[str, Any] | None:
    """Return the arguments of a call as a run keeps them: by name, as far as possible."""
    args, kwargs = call
    if not args:
        return kwargs or None
    if code is None:  # a mark has its definition
        raise AssertionError("positional arguments of a function that is not known")
    placed, named = parameters_of(code.func).by_name(args, kwargs)
    return {BY_PLACE: placed, **named} if placed else named


OPTION_NAMES = (
    *("run_at", "delay", "key", "on_conflict", "priority", "queue", "max_retries"),
    *("timeout", "tags", "connection", "on_commit"),
)


def _given(call: Mapping[str, Any]) -> dict[str, Any]:
    return {name: call[name] for name in OPTION_NAMES if call[name] is not None}


def hook_of(connection: Any) -> Callable[[Callable[[], Any]], Any] | None:
    """Return what calls a function after the commit of a Django connection; None for others."""
    if not hasattr(connection, "in_atomic_block") or not hasattr(connection, "alias"):
        return None
    on_commit = import_module("django.db.transaction").on_commit
    return lambda work: on_commit(work, using=connection.alias)
