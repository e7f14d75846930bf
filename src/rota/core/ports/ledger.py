"""The writing side: one transaction of the ledger, and the ledger itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol, TypeVar

from rota.core.access import Session, Token
from rota.core.audit import UNNAMED_ACTOR, Actor
from rota.core.limits import Limit
from rota.core.ports.clock import Clock
from rota.core.ports.history import History
from rota.core.ports.records import (
    AttemptEnd,
    Claim,
    ClaimVerdict,
    Enqueued,
    HeartbeatAnswer,
    NewRun,
    NodeRecord,
    OnConflict,
    Orphan,
    PlannedRun,
    VerificationMark,
    Waiting,
)
from rota.core.ports.task_transaction import TaskTransaction
from rota.core.run import LogLine, Run, State, Step
from rota.core.time import Instant

T = TypeVar("T")


Publish = Callable[[Sequence[Waiting], Any], Collection[str]]
"""Gives runs to a broker, on a DBAPI connection if the broker can use it; returns the runs it gave.
"""


class NodeLiveness(NamedTuple):
    """What the planning node knows of the other nodes."""

    own: str  # its id
    heard_at: Callable[[NodeRecord], Instant]  # up to when one surely lived; `SURELY`: it lives
    name: str = ""  # its own name, for the reasons that it writes


class Limits(Protocol):
    """The limits of tasks, and the report of what they hold back."""

    def of(self, task_id: str) -> Sequence[Limit]:
        """Return the limits that apply to the runs of a task."""

    def hold(self, full: Collection[Limit], until: Instant | None) -> None:
        """Called once per claim or offer with the limits that blocked runs, and when the first of
        their rates lets one start.
        """


class Transaction(TaskTransaction, Protocol):
    """The writing verbs; whatever one operation does is durable together or not at all.

    Those that take `by` leave a row in the audit, unless they had nothing to change.
    """

    def plan(
        self,
        runs: Sequence[NewRun],
        planned_until: Mapping[str, Instant] | None = None,
        *,
        by: Actor = UNNAMED_ACTOR,
        publish: Publish | None = None,
        liveness: NodeLiveness | None = None,
    ) -> list[PlannedRun]:
        """Write the rows that do not exist yet, each decided by `core.overlap.decide`, and move
        `planned_until` forward, never back; returns the rows this call wrote.

        A QUEUED row with `start_on_node` that need not wait is written as RUNNING on that node,
        attempt and fence 1: planned and claimed in one, started when it is available. If that node
        is gone, the row stays QUEUED. An `offered` row that need not wait is handed to `publish` as
        in `offer`: planned and published in one.

        An `early` row is not decided while a run of its task is active: that run may have ended
        when its time comes. The row is not written, and is returned without a state.

        With `liveness`, an occurrence is not skipped for a run on a node that is not known to live
        at its instant. It stays QUEUED, and no node claims it until `reap` or a later plan of its
        task judges it.

        Only manual runs are noted in the audit.
        """

    def enqueue(
        self,
        runs: Sequence[NewRun],
        *,
        on_conflict: OnConflict = OnConflict.RETURN,
        key_until: Instant = 0,
        by: Actor | None = None,
    ) -> list[Enqueued]:
        """Write manual runs of one task, in their order; returns what each became.

        If another run has its key, `on_conflict` decides: a run has its key until the `key_until`
        of the call that made it, and while it has not ended. With overlap
        REPLACE, the active runs of the task with the same `overlap_key` are cancelled, or asked to
        end. Raises UnknownTaskError for a task that is not registered, and StateError for a key
        that is taken with ERROR. Without `by` nothing is noted in the audit.
        """

    def replay(
        self, runs: Sequence[NewRun], *, reason: str = "", by: Actor = UNNAMED_ACTOR
    ) -> list[PlannedRun]:
        """Write replays of one task's occurrences, in their order, each of its `replay_time`, with
        the next free number; returns the rows this call wrote. An occurrence with a run that has
        not ended gets none, so a repeated call makes no double. Raises UnknownTaskError for a task
        that is not registered.
        """

    def claim(
        self,
        node_id: str,
        now: Instant,
        limit: int,
        exclude: Collection[str],
        judge: Callable[[Sequence[Waiting]], ClaimVerdict],
        *,
        of_tasks: Collection[str] | None = None,
        among: Collection[str] | None = None,
        until: Instant | None = None,
        limits: Limits | None = None,
    ) -> list[Claim]:
        """Claim waiting runs whose time has come, for one attempt: the highest priority first, then
        the oldest `available_at`.

        Offers `judge` up to `limit` of them: none of a task in `exclude`; with `of_tasks`, only
        those of these tasks; no exclusive run while a run of its task is running; and only the
        first of each exclusive task. What it takes becomes RUNNING with `attempt` and `fence` one
        higher, `node` set and `cancel_requested` cleared. What it misses becomes MISSED. A claim
        brings the steps of earlier attempts. If it takes runs for a node that was declared gone or
        never joined, it raises NodeGoneError, and nothing is written.

        With `among`, the ids of runs that a broker delivered, it looks at all of those and at no
        others. That includes those whose time comes by `until`; they then start at their time. What
        may not start by then is no longer published.

        Runs that it takes, but that its `limits` do not let start, remain waiting and are no longer
        published.
        """

    def offer(
        self,
        now: Instant,
        limit: int,
        exclude: Collection[str],
        publish: Publish,
        *,
        limits: Limits | None = None,
    ) -> int:
        """Hand to `publish` up to `limit` runs that may start and are not published, oldest
        `available_at` first, with the connection of this transaction (DBAPI; None in memory), and
        mark as published those whose ids it returns; returns how many were looked at.

        Runs are left out if their `limits` would not let them start in addition to what is running
        and what was published in the last seconds.

        What `publish` writes on that connection is committed with the mark, or neither is.
        """

    def withdraw(self, run_ids: Collection[str]) -> None:
        """Mark those of the runs that wait as not published, so that they are published again."""

    def overdue(self, before: Instant) -> dict[str, int]:
        """Return of each task how many runs wait that were published `before`."""

    def recall(self, before: Instant, limit: int) -> int:
        """Mark waiting runs that were published `before` as not published, at most `limit`, so that
        they are published again; returns how many.
        """

    def settle(self, endings: Sequence[AttemptEnd], node_id: str) -> list[str]:
        """Write ended attempts and what their runs become; returns the ids of those refused
        because the run is no longer RUNNING under that node and fence (nothing of them is
        written). A task whose attempts crashed `max_crashes` times in a row is paused."""

    def log(self, lines: Sequence[LogLine]) -> None:
        """Append log lines. A line that exists already changes nothing. Lines of an attempt that is
        known as crashed are dropped: their sender no longer owns the run.
        """

    def progress(self, run_id: str, fence: int, value: Mapping[str, Any]) -> None:
        """Set the progress of a running run; nothing under an old fence."""

    def checkpoint(self, run_id: str, fence: int, value: Any) -> bool:
        """Store the checkpoint of a running run; False, and nothing, under an old fence."""

    def remember(self, run_id: str, fence: int, step: Step) -> bool:
        """Store a step of a running run, in place of one with its key; False, and nothing, under
        an old fence."""

    def join(self, node: NodeRecord) -> None:
        """Write the row of a node that starts; a repeated call changes nothing."""

    def heartbeat(
        self, node_id: str, now: Instant, lease_until: Instant, info: Mapping[str, Any]
    ) -> HeartbeatAnswer:
        """Renew a node's lease, unless it was declared gone."""

    def drain(
        self,
        node_id: str,
        now: Instant,
        *,
        on: bool = True,
        reason: str = "",
        by: Actor = UNNAMED_ACTOR,
    ) -> bool:
        """Keep a node from taking new runs, or let it take them again with `on` False; returns
        whether that changed its state. A node that has ended stays as it is.
        """

    def leave(self, node_id: str, state: str, now: Instant) -> None:
        """Set the node's state to `draining` or `stopped`."""

    def reap(
        self,
        judge: Callable[[Orphan], AttemptEnd],
        gone: Collection[NodeRecord] = (),
        unconfirmed: Mapping[str, int] | None = None,
        *,
        now: Instant | None = None,
    ) -> list[Run]:
        """Declare gone those of the nodes that sent no heartbeat since they were read, and settle
        their running runs as `judge` decides (their fence rises). Also settles running runs whose
        node is stopped, gone or unknown, and those of `unconfirmed`, run id → fence, that are
        running under that fence. Returns them as they were. With `now`, occurrences that wait for a
        verdict on a run are judged if there is one, and a task whose attempts crashed `max_crashes`
        times in a row is paused: one for each node that is gone.
        """

    def cancel(self, run_id: str, reason: str, now: Instant, *, by: Actor = UNNAMED_ACTOR) -> State:
        """Cancel a waiting run, or ask the node of a running one to; returns the state it is in
        now. Raises UnknownRunError, and StateError for a run that has ended."""

    def add_token(self, token: Token, *, by: Actor = UNNAMED_ACTOR) -> None:
        """Write a token; raises StateError if a valid token has its name."""

    def spend_token(self, token_id: str, now: Instant) -> bool:
        """Spend the code of a link; returns False if it is spent, revoked, or too old."""

    def revoke_token(
        self, name: str, now: Instant, *, reason: str = "", by: Actor = UNNAMED_ACTOR
    ) -> int:
        """Revoke the token of a name, and what sessions there are under it; returns how many."""

    def add_session(self, session: Session) -> None:
        """Write that a browser signed in."""

    def end_session(self, digest: str, now: Instant) -> bool:
        """Delete a session, and revoke the code of the link that began it; returns False if there
        is none.
        """

    def rewind(self, now: Instant) -> None:
        """Correct what was written by a clock ahead of `now` by more than a second and less than a
        month; beyond that, it is rather `now` that is wrong.

        `planned_until` comes back to `now`. If a run waits after an event later than that (its
        attempt's end, or its manual creation), that event counts as now, and the rest of its wait
        counts from now. Occurrences after `now` lose their row if they wait for a first attempt, or
        were skipped or missed as late ones: they get another in their time.
        """

    def mark(self, mark: VerificationMark) -> None:
        """Note how far something has come, in place of what was noted under that name."""

    def take_mark(self, name: str, now: Instant, until: Instant) -> VerificationMark | None:
        """Acquire a mark until a time and return it as it was, at 0 if there was none. Returns
        None, and changes nothing, while another process holds it.
        """

    def prune(self, before: Instant, limit: int) -> int:
        """Delete up to `limit` ended runs that finished before (or, if they never started, were
        written before), with their attempts, steps and log lines; returns how many. Changes that
        are more than `core.audit.KEPT` older than the newest are deleted as well.
        """


class Ledger(Protocol):
    """The tables in which all of this is written before and after it happens."""

    @property
    def url(self) -> str:
        """Return the address, with secrets masked."""

    @property
    def history(self) -> History:
        """Return the reading side."""

    @property
    def clock(self) -> Clock:
        """Return the time that all nodes of this ledger have in common: the machine's, or the
        database's if there may be several machines.
        """

    def open(self) -> None:
        """Connect, bring the schema up to date and start the writer; callable once more after
        close. Raises LedgerCorruptError, LedgerNewerError, LedgerUnavailableError."""

    def close(self) -> None:
        """Finish what was handed to `write`, then disconnect; safe to call twice, and without an
        open.
        """

    def write(self, operation: Callable[[Transaction], T]) -> Future[T]:
        """Run `operation` in a transaction on the writer; the future ends when it is durable.

        Operations of several threads are committed together; one that raises is rolled back
        alone and its future gets the exception (LedgerUnavailableError: try it again). An
        operation may be called more than once, so it has no effect but through its transaction.
        """

    def run(self, operation: Callable[[Transaction], T]) -> T:
        """Run `operation` as `write` does, and return its result when it is durable: on the
        caller's thread if nothing else is being written, else together with what is."""

    def run_with(
        self,
        connection: Any,
        runs: Sequence[NewRun],
        *,
        on_conflict: OnConflict = OnConflict.RETURN,
        key_until: Instant = 0,
    ) -> list[Enqueued]:
        """Enqueue as `Transaction.enqueue` does, by a connection of the application and in its
        transaction. Raises StateError for one that is not on the ledger's PostgreSQL database, or
        that is to be awaited."""

    async def run_with_async(
        self,
        connection: Any,
        runs: Sequence[NewRun],
        *,
        on_conflict: OnConflict = OnConflict.RETURN,
        key_until: Instant = 0,
    ) -> list[Enqueued]:
        """Do the same as `run_with`, with a connection of an event loop."""

    def version(self) -> int:
        """Return a number that differs if another connection has committed since the last call."""

    def await_commit(self, seen: int, timeout: float) -> int:
        """Wait until `version` differs from `seen`, at most `timeout` seconds, and return it."""

    def latency(self) -> float:
        """Return how long the last commit took, in seconds; while one is in progress, how long it
        has taken so far.
        """
