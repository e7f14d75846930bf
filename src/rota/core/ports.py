"""The protocols between the rules and the world: clock, ledger, executors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

from rota.core.access import Session, Token
from rota.core.audit import EVERY_CHANGE, SOMEBODY, Actor, AuditFilter, AuditPage
from rota.core.limits import Limit
from rota.core.outcome import Outcome
from rota.core.ports.records import (
    EVERY_RUN,
    AttemptEnd,
    Backlog,
    Beat,
    Bundle,
    Claim,
    ClaimVerdict,
    Counts,
    Damage,
    Edits,
    Failures,
    Mark,
    NewRun,
    NodeRecord,
    Orphan,
    Page,
    PlannedRun,
    RunFilter,
    StoredTask,
    Tally,
    TaskRecord,
    Waiting,
)
from rota.core.run import Attempt, LogLine, Run, State, Step
from rota.core.time import Instant
from rota.core.verification.evidence import Evidence

T = TypeVar("T")


class Clock(Protocol):
    """The time: injected everywhere, so that tests can move it."""

    def now(self) -> Instant:
        """Return the wall clock's instant."""

    def monotonic(self) -> float:
        """Return seconds that only ever rise."""


# --- what goes into the ledger -----------------------------------------------------------------


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


# --- the ledger ---------------------------------------------------------------------------------


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
        adrift: Mapping[str, int] | None = None,
        *,
        now: Instant | None = None,
    ) -> list[Run]:
        """Declare gone those of the nodes that gave no sign of life since they were read, and
        settle their running runs as `judge` says (their fence rises); also settles running runs
        whose node is stopped, gone or unknown, and those of `adrift`, run id → fence, that are
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

    def mark(self, mark: Mark) -> None:
        """Note how far something has come, in place of what was noted under that name."""

    def take_mark(self, name: str, now: Instant, until: Instant) -> Mark | None:
        """Take a mark until a time and return it as it was, at 0 where there was none; None, and
        nothing is changed, while somebody has it."""

    def prune(self, before: Instant, limit: int) -> int:
        """Delete up to `limit` ended runs that finished (or were written, where they never
        started) before, with their attempts, steps and log lines; returns how many. Changes that
        are more than `core.audit.KEPT` older than the newest go as well."""


class History(Protocol):
    """The reading verbs: callable from any thread, each sees one consistent moment."""

    def run(self, run_id: str) -> Run:
        """Return a run by its id or an unambiguous beginning or end of at least 6 characters;
        raises UnknownRunError."""

    def runs(
        self,
        where: RunFilter = EVERY_RUN,
        *,
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = True,
    ) -> Page:
        """Return a page of runs in the order of their making; `after` is a page's `next`."""

    def runs_by_id(self, run_ids: Collection[str]) -> list[Run]:
        """Return the runs with these whole ids that there are, oldest first."""

    def last_runs(self, task_ids: Collection[str] | None = None) -> dict[str, Run]:
        """Return the run of each task that started last."""

    def recent_runs(self, task_ids: Collection[str], limit: int) -> dict[str, list[Run]]:
        """Return up to `limit` runs of each task that has any, the one made last first."""

    def running(self) -> list[Run]:
        """Return every run that runs, oldest first."""

    def waiting(self, limit: int) -> list[Run]:
        """Return the first runs that wait, the one whose time comes first at the beginning."""

    def backlog(self, now: Instant) -> dict[str, Backlog]:
        """Return what waits and could start, by task; only tasks that have such runs."""

    def counts(self, now: Instant) -> Counts:
        """Count what has not ended."""

    # The next three cut time into slices of `slice` microseconds from `since` on, and leave out
    # runs that were made more than a day before `since`.

    def failures(self, since: Instant, until: Instant, slice: Instant) -> list[Failures]:
        """Sum up what failed or was lost and ended from `since` to before `until`; the 2,000
        largest sums, where there are more."""

    def bundles(self, since: Instant, until: Instant, slice: Instant) -> list[Bundle]:
        """Sum up the runs that ended from `since` to before `until`."""

    def tallies(self, since: Instant, until: Instant, slice: Instant) -> list[Tally]:
        """Count the runs of each state with a fire time, or a creation where they have none,
        from `since` to before `until`."""

    def attempts(self, run_id: str) -> list[Attempt]:
        """Return a run's ended attempts, first to last."""

    def steps(self, run_id: str) -> list[Step]:
        """Return a run's steps that are done, first to last."""

    def logs(
        self, run_id: str, *, after: tuple[int, int] = (0, 0), limit: int = 10_000
    ) -> list[LogLine]:
        """Return lines after (attempt, seq), in order."""

    def tasks(self, task_ids: Collection[str] | None = None) -> list[StoredTask]:
        """Return every known task, or those of `task_ids`, by id, removed ones too."""

    def task_ids(self) -> list[str]:
        """Return the ids of the known tasks but the removed ones."""

    def task(self, task_id: str) -> StoredTask:
        """Return one task; raises UnknownTaskError with the nearest known id."""

    def changed_tasks(self, after: int) -> list[StoredTask]:
        """Return the tasks whose `revision` is above `after`; revisions rise over all tasks."""

    def damages(self, *, search: bool = False) -> list[Damage]:
        """Return the rows that do not hold what they have to: those that were met in reading and
        are so still, or with `search`, those among the newest 10,000 of each table."""

    def cancellations(self, node_id: str) -> dict[str, str]:
        """Return run id → reason for the running runs of a node that are to be cancelled."""

    def running_of(self, node_id: str) -> dict[str, int]:
        """Return run id → fence of what a node runs."""

    def nodes(self) -> list[NodeRecord]:
        """Return every known node, newest first."""

    @property
    def evidence(self) -> Evidence:
        """Return what the ledger has to tell those who verify it."""

    def tokens(self) -> list[Token]:
        """Return every token there ever was, oldest first."""

    def session(self, digest: str, now: Instant) -> Token | None:
        """Return the token that began a session which has not ended; whether the token still keeps
        it is for the caller to say."""

    def audit(
        self, where: AuditFilter = EVERY_CHANGE, *, limit: int = 100, after: str | None = None
    ) -> AuditPage:
        """Return a page of changes, newest first; `after` is a page's `next`."""


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

    def version(self) -> int:
        """Return a number that differs when anybody else has committed since the last call."""

    def latency(self) -> float:
        """Return how long the last commit took, in seconds, or the one under way has taken."""


# --- executors ----------------------------------------------------------------------------------


class Reporter(Protocol):
    """Where a running attempt sends what it has to say; callable from its thread."""

    def log(self, level: str, logger: str, text: str) -> None:
        """Take one line."""

    def progress(self, done: float, total: float | None, note: str) -> None:
        """Take where it stands."""

    def checkpoint(self, value: Any) -> None:
        """Store `value` durably before returning; raises LedgerError where that is impossible."""

    def remember(self, key: str, value: Any) -> None:
        """Store what a step returned durably before returning; raises LedgerError likewise."""


@dataclass(slots=True, eq=False)
class AttemptSpec:
    """One attempt to make."""

    run_id: str
    task_id: str
    attempt: int
    fire_time: Instant | None
    func: Callable[..., Any]
    func_path: str
    file: str | None  # the task file, for a process that must import it
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    checkpoint: Any
    steps: Mapping[str, Any]
    reporter: Reporter


Done = Callable[[AttemptSpec, Outcome], None]


class Stuck(NamedTuple):
    """An attempt that was told to stop and did not, and still occupies something."""

    run_id: str
    task_id: str
    place: str  # "file:line, in function" where it stands, as far as can be told
    since: float  # monotonic seconds


class Message(NamedTuple):
    """What an engine carries: a run, and the lane on which somebody is free for it. Whoever gets
    it asks the ledger what is true of the run."""

    run_id: str
    lane: str
    priority: int


class Broker(Protocol):
    """Carries messages to nodes that are free. It may lose, repeat, delay or reorder them: who may
    do what is decided by the ledger."""

    def open(self) -> None:
        """Make ready what it needs; raises EngineError."""

    @property
    def in_ledger(self) -> bool:
        """Say whether `publish` writes in the ledger's own transaction."""

    def publish(self, messages: Sequence[Message], connection: Any) -> None:
        """Send messages: on the ledger's connection (DBAPI, in a transaction) where it is
        `in_ledger`, else by itself; raises EngineError where they may not have been sent."""

    async def carry(
        self, lanes: Mapping[str, int], execute: Callable[[str], Awaitable[None]]
    ) -> None:
        """Await `execute(run_id)` for each message on these lanes, and on none for more at once
        than it says; a message is done when that returns, and carried anew where this process
        dies before. For ever; cancelled, it takes no more and returns when those under way have
        returned. Raises EngineError where it cannot go on."""

    def waiting(self, lanes: Collection[str]) -> int:
        """Return how many messages of these lanes nobody has taken; raises EngineError."""


class Executor(Protocol):
    """Runs callables and stops them; every attempt ends with exactly one call of `done`, unless
    it was abandoned."""

    @property
    def slots(self) -> int:
        """Return how many attempts may run at once."""

    def start(self) -> None:
        """Make it ready; callable once more after stop."""

    def submit(self, calls: Sequence[AttemptSpec], done: Done) -> None:
        """Start the calls; `done` is called from any thread when each has ended."""

    def stop(self, call: AttemptSpec) -> None:
        """Ask the attempt to end (coroutine: cancel; thread: `cancelled` turns true; process:
        killed with its children); `done` follows with CANCELLED if it obeys."""

    def abandon(self, call: AttemptSpec) -> None:
        """Give up on an attempt that did not stop: `done` will not be called for it, its slot is
        free again at once, and it is listed as stuck for as long as it goes on."""

    def stuck(self) -> list[Stuck]:
        """Return what was abandoned and still goes on."""

    def shutdown(self) -> None:
        """End everything that can be ended; safe twice and unstarted."""
