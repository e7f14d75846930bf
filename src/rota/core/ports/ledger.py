"""What is written: one transaction of the ledger, and the ledger itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol, TypeVar

from rota.core.access import Session, Token
from rota.core.audit import SOMEBODY, Actor
from rota.core.limits import Limit
from rota.core.ports.clock import Clock
from rota.core.ports.history import History
from rota.core.ports.records import (
    AttemptEnd,
    Beat,
    Claim,
    ClaimVerdict,
    Edits,
    Enqueued,
    NewRun,
    NodeRecord,
    OnConflict,
    Orphan,
    PlannedRun,
    StoredTask,
    TaskRecord,
    VerificationMark,
    Waiting,
)
from rota.core.run import LogLine, Run, State, Step
from rota.core.time import Instant

T = TypeVar("T")


Publish = Callable[[Sequence[Waiting], Any], Collection[str]]
"""Gives runs to an engine, on a DBAPI connection where it can use that; returns which it gave."""


class Sight(NamedTuple):
    """What the node that plans knows of the others."""

    own: str  # its id
    heard_at: Callable[
        [NodeRecord], Instant
    ]  # up to when one is known to live: `SURELY` if it does now


class Limits(Protocol):
    """The limits of tasks, and an ear for what they hold back."""

    def of(self, task_id: str) -> Sequence[Limit]:
        """Return what the runs of a task are under."""

    def hold(self, full: Collection[Limit], until: Instant | None) -> None:
        """Hear, once in each claim or offer that looked, which limits held back runs, and when the
        first of their rates lets one start."""


class Transaction(Protocol):
    """The writing verbs; whatever one operation does is durable together or not at all.

    Those that take `by` leave a row in the audit, unless they had nothing to change.
    """

    def register(
        self, tasks: Sequence[TaskRecord], now: Instant, *, by: Actor | None = None
    ) -> dict[str, StoredTask]:
        """Lay down what the code defines and return what is stored for each.

        A new task gets `now` as anchor and cursor. One whose `schedule` changed, and one that was
        disabled and is enabled now, keeps its anchor and gets `now` as cursor. A removed one comes
        back. Only rows that differ are written. Without `by`, it is what the code says, which is no
        change of anybody's.
        """

    def plan(
        self,
        runs: Sequence[NewRun],
        cursors: Mapping[str, Instant] | None = None,
        *,
        by: Actor = SOMEBODY,
        publish: Publish | None = None,
        sight: Sight | None = None,
    ) -> list[PlannedRun]:
        """Write the rows that do not exist yet, each decided by `core.overlap.decide`, and move
        the cursors forward, never back; returns the rows this call wrote.

        A QUEUED row with a `claim` that need not wait is written as RUNNING on that node, attempt
        and fence 1: planned and claimed in one, started when it is available. Where that node is
        gone, it stays QUEUED. An `offered` one that need not wait is handed to `publish` as in
        `offer`: planned and published in one.

        An `early` row is not decided beside a run of its task: that may have ended when its time
        comes. It is not written, and returned without a state.

        With `sight`, an occurrence is not skipped for a run on a node that is not known to live at
        its instant: it stays QUEUED, and is claimed by nobody, until `reap` or a later plan of its
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
        """Take waiting runs whose time has come, for one attempt: the highest priority first,
        then the oldest `available_at`.

        Offers `judge` up to `limit` of them, none of a task in `exclude`, with `of_tasks` only
        those of these tasks, no exclusive one beside a running run of its task and only the first
        of each exclusive task; what it takes becomes RUNNING with `attempt` and `fence` one higher,
        `node` set and `cancel_requested` cleared; what it misses becomes MISSED. A claim brings the
        steps of earlier attempts. Raises NodeGoneError, and nothing is written, where it takes some
        for a node that was declared gone or never joined.

        With `among`, the ids of runs that an engine delivered, all those and no others are looked
        at, also those whose time comes by `until`, who then start at their time; what may not start
        by then is no longer published.

        Of what it takes, what its `limits` do not let start goes on waiting, no longer published.
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

        Left out, of these, are those that their `limits` would not let start beside what runs and
        what was published in the last seconds.

        What `publish` writes on that connection is committed with the mark, or neither is.
        """

    def withdraw(self, run_ids: Collection[str]) -> None:
        """Have those of the runs that wait published again."""

    def overdue(self, before: Instant) -> dict[str, int]:
        """Return of each task how many runs wait that were published `before`."""

    def recall(self, before: Instant, limit: int) -> int:
        """Have runs that wait and were published `before` published again, at most `limit`;
        returns how many."""

    def settle(self, endings: Sequence[AttemptEnd], node_id: str) -> list[str]:
        """Write ended attempts and what their runs become; returns the ids of those refused
        because the run is no longer RUNNING under that node and fence (nothing of them is
        written). A task whose attempts crashed `max_crashes` times in a row is paused."""

    def log(self, lines: Sequence[LogLine]) -> None:
        """Append lines; one that is there already changes nothing, and those of an attempt that
        is known as crashed are dropped: who still says them was taken over."""

    def progress(self, run_id: str, fence: int, value: Mapping[str, Any]) -> None:
        """Set the progress of a running run; nothing under an old fence."""

    def checkpoint(self, run_id: str, fence: int, value: Any) -> bool:
        """Store the checkpoint of a running run; False, and nothing, under an old fence."""

    def remember(self, run_id: str, fence: int, step: Step) -> bool:
        """Store a step of a running run, in place of one with its key; False, and nothing, under
        an old fence."""

    def join(self, node: NodeRecord) -> None:
        """Write the row of a node that starts; said again, it changes nothing."""

    def heartbeat(
        self, node_id: str, now: Instant, lease_until: Instant, info: Mapping[str, Any]
    ) -> Beat:
        """Renew a node's lease, unless it was declared gone."""

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
        """Declare gone those of the nodes that gave no sign of life since they were read, and
        settle their running runs as `judge` says (their fence rises); also settles running runs
        whose node is stopped, gone or unknown, and those of `unconfirmed`, run id → fence, that are
        running under that fence. Returns them as they were. With `now`, occurrences that wait for
        a verdict on a run are judged where there is one, and a task whose attempts crashed
        `max_crashes` times in a row is paused: one for each node that is gone."""

    def pause(
        self,
        task_id: str,
        now: Instant,
        until: Instant | None,
        reason: str,
        *,
        by: Actor = SOMEBODY,
    ) -> None:
        """Pause a task; raises UnknownTaskError."""

    def resume(self, task_id: str, now: Instant, *, reason: str = "", by: Actor = SOMEBODY) -> None:
        """Resume it and move its cursor to `now`, so that nothing is caught up."""

    def skip(self, run: NewRun, *, reason: str = "", by: Actor = SOMEBODY) -> None:
        """Write the row of an occurrence to come, SKIPPED already, so that no node starts it;
        raises UnknownTaskError, and StateError where it has its row."""

    def edit(
        self,
        task_id: str,
        edits: Edits,
        now: Instant,
        *,
        reset: Collection[str] = (),
        reason: str = "",
        by: Actor = SOMEBODY,
    ) -> StoredTask:
        """Lay `edits` over what the code says, and take the edits of the keys in `reset` back.

        Changed times move anchor and cursor to `now`; without an edit, the anchor is what it was
        before the first one.
        """

    def remove(self, task_id: str, now: Instant, *, reason: str = "", by: Actor = SOMEBODY) -> None:
        """Mark a task removed and cancel its waiting runs; its history stays."""

    def seen(self, task_ids: Collection[str], now: Instant) -> None:
        """Note that a node knows these tasks, where that was last noted a day ago or more; this
        is no change of theirs."""

    def forget(self, unseen_since: Instant, now: Instant) -> list[str]:
        """Delete the tasks that no node has known since, and end as MISSED what waits of them;
        returns their ids. Their history stays until it is pruned."""

    def cancel(self, run_id: str, reason: str, now: Instant, *, by: Actor = SOMEBODY) -> State:
        """Cancel a waiting run, or ask the node of a running one to; returns the state it is in
        now. Raises UnknownRunError, and StateError for a run that has ended."""

    def add_token(self, token: Token, *, by: Actor = SOMEBODY) -> None:
        """Write a token; raises StateError where a valid one has its name."""

    def spend_token(self, token_id: str, now: Instant) -> bool:
        """Spend the code of a link; False where it is spent, revoked, or too old."""

    def revoke_token(
        self, name: str, now: Instant, *, reason: str = "", by: Actor = SOMEBODY
    ) -> int:
        """Revoke the token of a name, and what sessions there are under it; returns how many."""

    def add_session(self, session: Session) -> None:
        """Write that a browser signed in."""

    def end_session(self, digest: str, now: Instant) -> bool:
        """Forget a session, and revoke the code of the link that began it; False where there is
        none."""

    def rewind(self, now: Instant) -> None:
        """Put right what was written by a clock ahead of `now` by more than a second and less than
        a month; beyond that, it is rather `now` that is wrong.

        Cursors come back to `now`. Of a run that waits after an event later than that (its
        attempt's end, or its making by hand), that event was now, and what it still had to wait
        counts from now on. Occurrences after `now` lose their row where they wait for a first
        attempt, or were skipped or missed as late ones: they get another in their time.
        """

    def mark(self, mark: VerificationMark) -> None:
        """Note how far something has come, in place of what was noted under that name."""

    def take_mark(self, name: str, now: Instant, until: Instant) -> VerificationMark | None:
        """Take a mark until a time and return it as it was, at 0 where there was none; None, and
        nothing is changed, while somebody has it."""

    def prune(self, before: Instant, limit: int) -> int:
        """Delete up to `limit` ended runs that finished (or were written, where they never
        started) before, with their attempts, steps and log lines; returns how many. Changes that
        are more than `core.audit.KEPT` older than the newest go as well."""


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
        database's where there may be several machines."""

    def open(self) -> None:
        """Connect, bring the schema up to date and start the writer; callable once more after
        close. Raises LedgerCorruptError, LedgerNewerError, LedgerUnavailableError."""

    def close(self) -> None:
        """Finish what was handed to `write`, then disconnect; safe twice and unopened."""

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
        """Do the same with a connection of an event loop."""

    def version(self) -> int:
        """Return a number that differs when anybody else has committed since the last call."""

    def await_commit(self, seen: int, timeout: float) -> int:
        """Wait until `version` is another one than was seen, at most `timeout` seconds, and return
        it."""

    def latency(self) -> float:
        """Return how long the last commit took, in seconds, or the one under way has taken."""
