"""Compares the record with the rules, a page of tasks at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from rota import triggers
from rota.core.chains.rule import AFTER
from rota.core.ports.records import NodeRecord, VerificationMark
from rota.core.time import DAY, MINUTE, SECOND, Instant, to_iso
from rota.core.trigger import Trigger
from rota.core.verification import occurrences, oddities
from rota.core.verification.chained import ChainRule
from rota.core.verification.evidence import Evidence
from rota.core.verification.findings import Code, Finding
from rota.core.verification.occurrences import Row
from rota.core.verification.rules import EDGE, LATE, Known, Rule, RuleSpan, owed
from rota.engine.planning.former_rules import trigger_of
from rota.engine.planning.task_registry import Registry
from rota.engine.upkeep.verifying_chains import chain_rules, verify_chains

TASKS, ROWS = 200, 10_000
"""Tasks that are looked at together, and rows that are in memory at once."""

MOST = 1_000
"""Findings of each kind that are listed."""

FRESH: Instant = 10 * SECOND
"""How old an occurrence is before its row is missed."""

QUIET: Instant = 60 * SECOND
"""For how long a node may be silent, or a run on it wait to be taken over."""

MARGIN: Instant = 10 * MINUTE
"""How far from the edge of the pruned history rows are looked for."""

PAUSES: Instant = 300 * DAY
"""The greatest age of a pause that the audit must know of: it keeps a year."""

REWOUND = "rewound "
PRUNED = "pruned"


Planners = Callable[[str], Sequence[RuleSpan]]
"""Returns when a node was up to plan a task, by its id."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to verify: everything since then, or these tasks alone."""

    now: Instant
    since: Instant
    planners: Planners = lambda _: ()
    task_ids: Sequence[str] | None = None
    fresh: Instant = FRESH
    edge: Instant = EDGE
    late: Instant = LATE
    pause: Callable[[], None] = lambda: None  # between two pages


def verify(evidence: Evidence, asked: Question) -> Iterator[Finding]:
    """Yield every disagreement between the record and the rules; raises LedgerError.

    It reads lazily: a caller that stops iterating stops the reading.
    """
    marks = evidence.marks()
    blind = _blind(marks)
    pruned = marks.get(PRUNED, VerificationMark(PRUNED, 0)).at
    since = max(asked.since, pruned + MARGIN if pruned else asked.since)
    if asked.task_ids is None:
        yield from _odd(evidence, asked, since, blind)
    chains: list[ChainRule] = []
    for ids in _pages(evidence) if asked.task_ids is None else [asked.task_ids]:
        asked.pause()
        yield from _compare(evidence, asked, ids, since, blind, pruned, chains)
    kept_since = pruned + MARGIN if pruned else 0
    yield from verify_chains(evidence.chains, chains, since, kept_since, asked.pause)


def planner_spans(nodes: Iterable[NodeRecord]) -> list[RuleSpan]:
    """Return when planning nodes were up."""
    return [
        RuleSpan(node.started_at, node.seen_at)
        for node in nodes
        if node.info.get("role", "all") in ("all", "scheduler") and not node.info.get("only")
    ]


def planners_of(
    registry: Registry, nodes: Iterable[NodeRecord], own: str, generation: str
) -> Planners:
    """Return when a node was up to plan a task that this process knows: this node, whose id is
    `own`, or one with the same task files.
    """
    same = [
        node
        for node in nodes
        if node.id == own or (generation and node.info.get("generation") == generation)
    ]
    spans = planner_spans(same)
    known = {entry.definition.id for entry in registry.entries() if entry.is_current}
    return lambda task_id: spans if task_id in known else ()


def _blind(marks: Mapping[str, VerificationMark]) -> list[RuleSpan]:
    return [
        RuleSpan(mark.at - 2 * SECOND, mark.until + 2 * SECOND)
        for name, mark in marks.items()
        if name.startswith(REWOUND) and mark.until is not None
    ]


def _pages(evidence: Evidence) -> Iterator[list[str]]:
    after = ""
    while ids := evidence.task_ids(after, TASKS):
        yield ids
        after = ids[-1]


def _compare(
    evidence: Evidence,
    asked: Question,
    ids: Sequence[str],
    since: Instant,
    blind: Sequence[RuleSpan],
    pruned: Instant,
    chains: list[ChainRule],
) -> Iterator[Finding]:
    """Compare a page of tasks: the rules are read first, for rows are only added. What tasks ran
    after others is added to `chains`.
    """
    rules = {
        task_id: list(found)
        for task_id, found in groupby(evidence.rules(ids), key=lambda rule: rule.task_id)
    }
    until = asked.now - asked.fresh
    summaries = evidence.summaries(list(rules), since)
    rows = _Rows(evidence, sorted(rules), since, until, asked.pause)
    for task_id in sorted(rules):
        own, read = rules[task_id], _Reader()
        known = Known(
            until, since, blind, asked.planners(task_id), edge=asked.edge, late=asked.late
        )
        spans = owed(own, read, known)
        readable = [trigger for rule in own if (trigger := read(rule)) is not None]
        start = min(rule.since for rule in own) + asked.edge
        if len(readable) < len(own):
            start = occurrences.EVERYTHING  # its earlier rule is not known
        if any(rule.trigger == AFTER for rule in own):
            start = occurrences.EVERYTHING  # upstream ends name its instants
            chains += chain_rules(own, read, RuleSpan(since, until), blind, asked.edge)
        yield from occurrences.compare(
            task_id,
            rows.of(task_id),
            spans,
            _named(readable, start, blind),
            triggers.count_between,
            _excused(own, pruned),
            summaries.get(task_id),
        )


class _Reader:
    """Reads the triggers of a task, each once."""

    def __init__(self) -> None:
        self._read: dict[str, Trigger | None] = {}

    def __call__(self, rule: Rule) -> Trigger | None:
        edited = rule.edits.get("trigger_args")
        key = repr((rule.trigger, rule.trigger_args, edited, rule.timezone, rule.dst, rule.anchor))
        if key not in self._read:
            args = edited if isinstance(edited, Mapping) else rule.trigger_args
            is_known = triggers.has_same_data(args)  # else its days were other ones
            self._read[key] = trigger_of(rule) if is_known else None
        return self._read[key]


class _Rows:
    """The rows of a page of tasks, read as they are needed; tasks are asked for in order."""

    def __init__(
        self,
        evidence: Evidence,
        ids: Sequence[str],
        since: Instant,
        until: Instant,
        pause: Callable[[], None],
    ) -> None:
        self._pause = pause
        self._stream = self._all(evidence, ids, since, until)
        self._next = next(self._stream, None)

    def _all(
        self, evidence: Evidence, ids: Sequence[str], since: Instant, until: Instant
    ) -> Iterator[tuple[str, Row]]:
        """Read further within the last task of a page, then beyond it."""
        left = list(ids)
        while left:
            page = evidence.rows(left, since, until, ROWS)
            yield from page
            if len(page) < ROWS:
                return
            last, row = page[-1]
            while len(page) == ROWS:
                self._pause()
                page = evidence.rows([last], row.fire_time + 1, until, ROWS)
                yield from page
                row = page[-1][1] if page else row
            left = left[left.index(last) + 1 :]

    def of(self, task_id: str) -> Iterator[Row]:
        while self._next is not None and self._next[0] <= task_id:
            found, row = self._next
            self._next = next(self._stream, None)
            if found == task_id:
                yield row


def _named(
    readable: Sequence[Trigger], start: Instant, blind: Sequence[RuleSpan]
) -> Callable[[Instant], bool]:
    named = occurrences.named_by(list(dict.fromkeys(readable)), start)
    return lambda at: named(at) or any(span.first <= at <= span.last for span in blind)


def _excused(rules: Sequence[Rule], pruned: Instant) -> Callable[[Instant], bool]:
    """Return a function that decides whether the row of an instant may have been pruned: it was
    skipped so long before.
    """
    early = {at for rule in rules if rule.since < pruned for at in rule.skipped}
    return early.__contains__


def _odd(
    evidence: Evidence, asked: Question, since: Instant, blind: Sequence[RuleSpan]
) -> Iterator[Finding]:
    unreachable = evidence.unreachable(MOST)
    named = {lost.run_id for lost in unreachable}
    for run in evidence.odd(since, MOST):
        if run.id not in named:
            yield from oddities.check_run(run, blind)
    now, quiet = asked.now, asked.now - QUIET
    for held in evidence.held(now, quiet, MOST):
        text = f"It runs on node {held.node}, which is not there."
        yield Finding(Code.LEASE, held.task_id, text, held.run_id, held.fire_time)
    for lost in unreachable:
        text = f"It waits and never starts: its {lost.column} is no valid number. Cancel it."
        yield Finding(Code.IMPOSSIBLE, lost.task_id, text, lost.run_id)
    for many in evidence.beside(MOST):
        text = f"{many.number} runs are running at once that exclude each other."
        yield Finding(Code.DOUBLE, many.task_id, text, many.last)
    for run_id, what in evidence.strays(since, MOST):
        text = f"There are rows in `{what}` of a run that is not there."
        yield Finding(Code.STRAY, "", text, run_id)
    for many in evidence.unknown(since, MOST):
        text = f"There never was a task of this name; it has {many.number} runs."
        yield Finding(Code.UNKNOWN, many.task_id, text, many.last)
    for paused in evidence.paused(max(since, now - PAUSES), MOST):
        text = f"It is paused since {to_iso(paused.since)}; no user paused it, or a user"
        text += " resumed it since, or the pause ended before it began."
        yield Finding(Code.PAUSE, paused.task_id, text, at=paused.since)
    for task_id, instant in evidence.ahead(now + MINUTE, MOST):
        text = f"It is planned up to {to_iso(instant)}, which is yet to come."
        yield Finding(Code.CURSOR, task_id, text, at=instant)
