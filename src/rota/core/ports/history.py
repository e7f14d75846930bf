"""The reading side: the questions that pages, API and command line ask."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from rota.core.access import Token
from rota.core.audit import EVERY_CHANGE, AuditFilter, AuditPage
from rota.core.pauses import Pause
from rota.core.ports.records import (
    EVERY_RUN,
    Backlog,
    Counts,
    Damage,
    Failures,
    NodeRecord,
    Page,
    RunFilter,
    RunSpanAggregate,
    StateCount,
    StoredTask,
)
from rota.core.ports.windows import DelayedRun, OpenedWindow
from rota.core.run import Attempt, LogLine, Run, Step
from rota.core.time import Instant
from rota.core.verification.evidence import Evidence


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

    def runs_of_occurrences(self, task_id: str, instants: Collection[Instant]) -> list[Run]:
        """Return the runs of a task's occurrences: for each instant its first run, if there is one,
        then its replays by their numbers.
        """

    def last_runs(self, task_ids: Collection[str] | None = None) -> dict[str, Run]:
        """Return the run of each task that started last."""

    def last_success(self, task_id: str, *, before: Instant | None = None) -> Run | None:
        """Return the run of the newest occurrence before an instant that succeeded; without one,
        the run of the task that was made last of those that succeeded.
        """

    def recent_runs(self, task_ids: Collection[str], limit: int) -> dict[str, list[Run]]:
        """Return up to `limit` runs of each task that has any, the one made last first."""

    def running(self) -> list[Run]:
        """Return every run that runs, oldest first."""

    def waiting(self, limit: int) -> list[Run]:
        """Return the first runs that wait, the one whose time comes first at the beginning."""

    def backlog(self, now: Instant) -> dict[str, Backlog]:
        """Return what waits and could start, by task; only tasks that have such runs."""

    def due_times(self, after: Instant, until: Instant, slice: Instant) -> list[Instant]:
        """Return when waiting runs become available, after one instant and up to another: the end
        of each slice that has any, and at most a thousand.
        """

    def counts(self, now: Instant) -> Counts:
        """Count what has not ended."""

    # The next three cut time into slices of `slice` microseconds from `since` on, and leave out
    # runs that were made more than a day before `since`.

    def failures(self, since: Instant, until: Instant, slice: Instant) -> list[Failures]:
        """Sum up the runs that failed or were lost and ended from `since` to before `until`. If
        there are more than 2,000 sums, the largest 2,000 are returned.
        """

    def bundles(self, since: Instant, until: Instant, slice: Instant) -> list[RunSpanAggregate]:
        """Sum up the runs that ended from `since` to before `until`."""

    def tallies(self, since: Instant, until: Instant, slice: Instant) -> list[StateCount]:
        """Count the runs of each state with a fire time, or a creation time if they have no fire
        time, from `since` to before `until`.
        """

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

    def tasks_after_others(self) -> list[StoredTask]:
        """Return the tasks that run after others, without the removed ones, in no order."""

    def task_ids(self) -> list[str]:
        """Return the ids of the known tasks but the removed ones."""

    def task(self, task_id: str) -> StoredTask:
        """Return one task; raises UnknownTaskError with the nearest known id."""

    def changed_tasks(self, after: int) -> list[StoredTask]:
        """Return the tasks whose `revision` is above `after`; revisions rise over all tasks."""

    def windows(self) -> list[OpenedWindow]:
        """Return the windows that were opened manually and are not pruned, oldest first."""

    def delayed(self) -> list[DelayedRun]:
        """Return the runs that wait for the end of a window."""

    def pauses(self, now: Instant) -> list[Pause]:
        """Return the pauses by tag, and of all tasks, that last at `now`."""

    def damages(self, *, search: bool = False) -> list[Damage]:
        """Return the rows with invalid content: those that a read met and that are still invalid.
        With `search`, those among the newest 10,000 of each table.
        """

    def cancellations(self, node_id: str) -> dict[str, str]:
        """Return run id → reason for the running runs of a node that are to be cancelled."""

    def running_of(self, node_id: str) -> dict[str, int]:
        """Return run id → fence of what a node runs."""

    def nodes(self) -> list[NodeRecord]:
        """Return every known node, newest first."""

    @property
    def evidence(self) -> Evidence:
        """Return the evidence that the ledger has for verification."""

    def tokens(self) -> list[Token]:
        """Return every token there ever was, oldest first."""

    def session(self, digest: str, now: Instant) -> Token | None:
        """Return the token that began a session which has not ended; whether the token still keeps
        it is for the caller to say."""

    def audit(
        self, where: AuditFilter = EVERY_CHANGE, *, limit: int = 100, after: str | None = None
    ) -> AuditPage:
        """Return a page of changes, newest first; `after` is a page's `next`."""
