"""The evidence that the ledger gives to verification."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from rota.core.ports.records import VerificationMark
from rota.core.time import Instant
from rota.core.verification.chained import ChainEvidence
from rota.core.verification.occurrences import Row
from rota.core.verification.oddities import RunFacts
from rota.core.verification.rules import Rule


class RunOfUnknownNode(NamedTuple):
    """A run that is running on a node that does not exist."""

    run_id: str
    task_id: str
    fire_time: Instant | None
    node: str | None


class StrayRuns(NamedTuple):
    """Runs of a task that should not exist: how many, and the last of them."""

    task_id: str
    number: int
    last: str


class UnexplainedPause(NamedTuple):
    """A task with a pause that no user set, or that a user ended."""

    task_id: str
    since: Instant
    until: Instant | None


class Unreachable(NamedTuple):
    """A run that waits and is never found by the search for runs that may start."""

    run_id: str
    task_id: str
    column: str


class Evidence(Protocol):
    """The past rules, the rows by their occurrences, and the impossible rows; a part of the reading
    side.
    """

    @property
    def chains(self) -> ChainEvidence:
        """Return the evidence of tasks that run after others."""

    def marks(self) -> Mapping[str, VerificationMark]:
        """Return the recorded marks, by name."""

    def task_ids(self, after: str, limit: int) -> list[str]:
        """Return the first ids after one of them, of the tasks that there are or were."""

    def rules(self, task_ids: Collection[str]) -> list[Rule]:
        """Return the rules that these tasks have and had, by task, the oldest first."""

    def rows(
        self, task_ids: Collection[str], since: Instant, until: Instant, limit: int
    ) -> list[tuple[str, Row]]:
        """Return the first rows of these tasks' occurrences from `since` to `until`, by task and
        instant."""

    def summaries(self, task_ids: Collection[str], before: Instant) -> dict[str, Row]:
        """Return the last row of each of these tasks, before an instant, that covers several
        occurrences.
        """

    def odd(self, since: Instant, limit: int) -> list[RunFacts]:
        """Return the runs made since then that may hold impossible values."""

    def held(self, now: Instant, quiet_since: Instant, limit: int) -> list[RunOfUnknownNode]:
        """Return the runs that have been running since before `quiet_since` on a node that does not
        exist, or that has been silent as long while other nodes are up.
        """

    def beside(self, limit: int) -> list[StrayRuns]:
        """Return the tasks that have several runs in progress, although their runs exclude each
        other.
        """

    def strays(self, since: Instant, limit: int) -> list[tuple[str, str]]:
        """Return the ids of the runs that are gone, with the table that has more of them."""

    def unknown(self, since: Instant, limit: int) -> list[StrayRuns]:
        """Return the unknown tasks that have runs all the same."""

    def paused(self, since: Instant, limit: int) -> list[UnexplainedPause]:
        """Return the pauses set since then that no user set, or that a user ended."""

    def ahead(self, now: Instant, limit: int) -> list[tuple[str, Instant]]:
        """Return the tasks that are planned beyond `now`, and how far."""

    def unreachable(self, limit: int) -> list[Unreachable]:
        """Return the runs that wait and can never start, with the damaged column that causes it."""
