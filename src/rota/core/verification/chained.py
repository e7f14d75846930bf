"""Compares the rows of tasks that run after others with the upstream ends that name them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from rota.core.chains.rule import Link, UpstreamEnd, named_by
from rota.core.time import Instant, to_iso
from rota.core.verification.findings import Code, Finding
from rota.core.verification.rules import RuleSpan


class EndedRun(NamedTuple):
    """A run that is over, as the tasks after it see it."""

    end: UpstreamEnd
    is_planned: bool  # by its schedule: its fire time is the key of what it names
    names: bool  # whether it counts as an end
    finished_at: Instant

    @property
    def key(self) -> UpstreamEnd:
        """Return the end with the fire time by which it names occurrences, if it has one."""
        is_keyed = self.is_planned and self.end.fire_time is not None
        return self.end if is_keyed else self.end._replace(fire_time=None)


class Follower(NamedTuple):
    """A row of a task that runs after others."""

    run_id: str
    task_id: str
    fire_time: Instant | None
    is_planned: bool
    is_mended: bool  # verification wrote it in place of a missing one
    created_at: Instant
    upstream: Mapping[str, str]  # task → run


class UpstreamFacts(NamedTuple):
    """What the record says of an upstream run."""

    fire_time: Instant | None
    is_planned: bool


class ChainEvidence(Protocol):
    """The upstream ends and the rows that they named; a part of the reading side."""

    def ends(
        self, task_ids: Collection[str], since: Instant, after: str, limit: int
    ) -> list[EndedRun]:
        """Return the first ended runs of these tasks with an id after `after`, made since then."""

    def beside(
        self, occurrences: Collection[tuple[str, Instant]]
    ) -> dict[tuple[str, Instant], EndedRun]:
        """Return the ended, planned runs of these occurrences: task, fire time."""

    def have_rows(self, occurrences: Collection[tuple[str, Instant]]) -> set[tuple[str, Instant]]:
        """Return those of the occurrences that have a row."""

    def named_by_runs(self, keys: Collection[tuple[str, str, str]]) -> list[tuple[str, str]]:
        """Return the task and upstream run of each row that an upstream run without a fire time
        named; a key is a task, its upstream task and the run of that."""

    def followers(
        self, task_ids: Collection[str], since: Instant, after: str, limit: int
    ) -> list[Follower]:
        """Return the first rows of these tasks with an id after `after`, made since then."""

    def known(self, run_ids: Collection[str]) -> dict[str, UpstreamFacts]:
        """Return those of the runs that there are."""


@dataclass(frozen=True, slots=True)
class ChainRule:
    """What a task ran after, while `span` lasted."""

    task_id: str
    link: Link
    span: RuleSpan
    admits: Callable[[Instant], bool]

    def names(self, ended: EndedRun, others: Mapping[tuple[str, Instant], EndedRun]) -> bool:
        """Return whether a row must have been written with an upstream end, or before it."""
        key, link = ended.key, self.link
        if key.task_id not in link.tasks or not ended.names or not self._holds(ended):
            return False
        beside: dict[str, EndedRun] = {}
        if link.is_fan_in and key.fire_time is not None:
            found = {task_id: others.get((task_id, key.fire_time)) for task_id in link.tasks}
            beside = {task_id: one for task_id, one in found.items() if one and one.names}
        named = named_by(link, key, {task_id: one.end for task_id, one in beside.items()})
        if named is None or not all(map(self._holds, beside.values())):
            return False
        return self.admits(ended.finished_at if key.fire_time is None else key.fire_time)

    def _holds(self, ended: EndedRun) -> bool:
        return self.span.first <= ended.finished_at <= self.span.last


def missing(
    rules: Sequence[ChainRule], ended: Sequence[EndedRun], evidence: ChainEvidence
) -> Iterator[Finding]:
    """Yield the occurrences that these ends name and that have no row, or two."""
    asked = {
        (task_id, one.key.fire_time)
        for one in ended
        for rule in rules
        if rule.link.is_fan_in and one.key.task_id in rule.link.tasks
        for task_id in rule.link.tasks
        if one.key.fire_time is not None
    }
    others = evidence.beside([(task, at) for task, at in asked if at is not None])
    named = [(rule, one.key) for one in ended for rule in rules if rule.names(one, others)]
    timed = {(rule.task_id, key.fire_time): key for rule, key in named if key.fire_time is not None}
    have = evidence.have_rows(timed)
    for (task_id, at), key in timed.items():
        if (task_id, at) not in have:
            text = f"The run {key.run_id} of {key.task_id} has ended and named the occurrence of"
            yield Finding(Code.HOLE, task_id, f"{text} {to_iso(at)}, which has no row.", at=at,
                          last=at)  # fmt: skip
    by_run = {(rule.task_id, key.task_id, key.run_id) for rule, key in named if not key.fire_time}
    rows = Counter(evidence.named_by_runs(by_run))
    for task_id, upstream, run_id in sorted(by_run):
        number = rows[task_id, run_id]
        if number == 0:
            text = f"The run {run_id} of {upstream} has ended; there is no row of what it named."
            yield Finding(Code.HOLE, task_id, text, run_id)
        elif number > 1:
            text = f"The run {run_id} of {upstream} named one occurrence, which has {number} rows."
            yield Finding(Code.DOUBLE, task_id, text, run_id)


def without_upstream(
    rows: Sequence[Follower],
    spans: Mapping[str, Sequence[RuleSpan]],
    evidence: ChainEvidence,
    kept_since: Instant,
) -> Iterator[Finding]:
    """Yield the rows that no upstream end named. `spans` says when each task ran after others; of
    upstream runs that ended before `kept_since`, the rows may be gone.
    """
    known = evidence.known({run_id for row in rows for run_id in row.upstream.values()})
    for row in rows:
        if row.is_mended or row.created_at < kept_since:
            continue
        text = ""
        if not row.upstream:
            within = _within(spans[row.task_id], row.created_at, row.fire_time)
            text = "no upstream run" if row.is_planned and within else ""
        elif not any(run_id in known for run_id in row.upstream.values()):
            text = f"run {next(iter(row.upstream.values()))}, which is not there,"
        elif row.is_planned:
            times = [known[one] for one in row.upstream.values() if one in known]
            if any(one.is_planned and one.fire_time != row.fire_time for one in times):
                text = "a run of another fire time"
        if text:
            yield Finding(Code.UNNAMED, row.task_id, f"By this row {text} named the occurrence.",
                          row.run_id, row.fire_time)  # fmt: skip


def _within(spans: Iterable[RuleSpan], *instants: Instant | None) -> bool:
    return any(
        all(at is None or span.first <= at <= span.last for at in instants) for span in spans
    )
