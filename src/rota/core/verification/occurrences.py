"""Compares the rows of a task with the instants of its rules: holes, doubles, overlaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rota.core.catchup import COUNTED, Count
from rota.core.time import Instant, to_iso
from rota.core.trigger import Trigger
from rota.core.verification.findings import Code, Finding
from rota.core.verification.rules import Owed, Rule

EVERYTHING = 1 << 60


@dataclass(frozen=True, slots=True)
class Row:
    """What is on record of one occurrence."""

    fire_time: Instant
    run_id: str
    count: int  # of the occurrences that it covers
    created_at: Instant
    is_planned: bool  # its cause is the schedule


Named = Callable[[Instant], bool]
"""Returns whether an instant is one that some rule of the task ever named."""


def compare(
    task_id: str,
    rows: Iterable[Row],
    spans: Sequence[Owed],
    named: Named,
    count: Count,
    excused: Callable[[Instant], bool],
    earlier: Row | None = None,
) -> Iterator[Finding]:
    """Yield what is wrong with a task's rows, which come by their instants.

    `excused` are the instants whose row may be gone: they were skipped long before. `earlier` is
    the last row before all these that covers several occurrences. The time it takes grows with the
    rows, not with the instants that have none.
    """
    walk = _Walk(task_id, spans, count, excused)
    if earlier is not None:
        walk.begin_after(earlier)
    before: Row | None = None
    for row in rows:
        if before is not None and before.fire_time == row.fire_time:
            yield walk.double(before, row)
            continue
        before = row
        yield from walk.reach(row.fire_time - 1)
        yield from walk.take(row)
        if row.is_planned and not walk.is_due(row.fire_time) and not named(row.fire_time):
            yield walk.unnamed(row)
        walk.pass_by(row.fire_time)
    yield from walk.reach(EVERYTHING)


@dataclass(slots=True)
class _Walk:
    """A walk along a task's owed instants; `_next` is the first that is not accounted for."""

    task_id: str
    spans: Sequence[Owed]
    count: Count
    excused: Callable[[Instant], bool]
    _at: int = 0  # of the span
    _next: Instant | None = None
    _summary: Row | None = None
    _most: int = 0  # instants that the last summary may still cover
    _by: Trigger | None = None  # the trigger that names the instants of the last summary
    _among: int = 0  # rows since then that were there before it

    def __post_init__(self) -> None:
        self._enter()

    def _enter(self) -> None:
        while self._at < len(self.spans):
            span, trigger, _ = self.spans[self._at]
            self._next = trigger.next_after(span.first - 1)
            if self._next is not None and self._next <= span.last:
                return
            self._at += 1
        self._next = None

    def begin_after(self, summary: Row) -> None:
        """Take into account what a row before the first span covers beyond there."""
        if not self.spans:
            return
        span, trigger, _ = self.spans[0]
        before = self.count(trigger, summary.fire_time, span.first - 1, summary.count)
        if summary.count >= COUNTED or before < summary.count - 1:
            self._summary, self._by = summary, trigger
            self._most = EVERYTHING if summary.count >= COUNTED else summary.count - 1 - before

    def _trigger_at(self, instant: Instant) -> Trigger | None:
        """Return the trigger by which an instant is owed; None if it is not owed."""
        if self._at < len(self.spans) and self.spans[self._at].span.first <= instant:
            return self.spans[self._at].trigger
        return None

    def is_due(self, instant: Instant) -> bool:
        """Return whether an instant is the next one that is owed."""
        return self._next == instant

    def pass_by(self, instant: Instant) -> None:
        """Move past an instant that has its row."""
        if self._next == instant:
            self._follow(instant)

    def _follow(self, instant: Instant) -> None:
        span, trigger, _ = self.spans[self._at]
        self._next = trigger.next_after(instant)
        if self._next is None or self._next > span.last:
            self._at += 1
            self._enter()

    def reach(self, until: Instant) -> Iterator[Finding]:
        """Account for every instant up to `until`, which has no row between here and there."""
        while self._next is not None and self._next <= until:
            span, trigger, rule = self.spans[self._at]
            last = trigger.last_before(min(until, span.last))
            assert last is not None  # `_next` is one
            yield from self._missing(trigger, rule, self._next, last)
            self._follow(last)

    def _missing(
        self, trigger: Trigger, rule: Rule, first: Instant, last: Instant
    ) -> Iterator[Finding]:
        number = 1 if first == last else self.count(trigger, first - 1, last, EVERYTHING_COUNTED)
        covered = min(number, self._most)
        self._most -= covered
        if covered:
            if covered == number:
                return
            first = _nth(trigger, first, last, covered, self.count)
            number -= covered
        if number <= MOST_EXCUSED:
            yield from self._one_by_one(trigger, first, last)
        else:
            yield self._hole(first, last, number)

    def _one_by_one(self, trigger: Trigger, first: Instant, last: Instant) -> Iterator[Finding]:
        begin: Instant | None = None
        end, number = first, 0
        instant: Instant | None = first
        while instant is not None and instant <= last:
            if self.excused(instant):
                if begin is not None:
                    yield self._hole(begin, end, number)
                begin, number = None, 0
            else:
                begin = instant if begin is None else begin
                end, number = instant, number + 1
            instant = trigger.next_after(instant)
        if begin is not None:
            yield self._hole(begin, end, number)

    def take(self, row: Row) -> Iterator[Finding]:
        """Account for a row; one for several occurrences covers the instants without a row after
        it.
        """
        summary = self._summary
        if summary is not None and row.created_at >= summary.created_at:
            if self.is_due(row.fire_time) and self._is_among(summary, row.fire_time):
                yield self._overlap(summary, row)
            self._summary, self._most = None, 0
        else:
            self._among += 1
        if row.count > 1:
            self._summary, self._among = row, 0
            self._by = self._trigger_at(row.fire_time)
            self._most = EVERYTHING if row.count >= COUNTED else row.count - 1

    def _is_among(self, summary: Row, instant: Instant) -> bool:
        """Return whether a row for several occurrences surely covers this one too."""
        _, trigger, _ = self.spans[self._at]
        if trigger != self._by:  # the times are others since
            return False
        before = self.count(trigger, summary.fire_time, instant - 1, summary.count)
        return before + 1 + self._among < summary.count

    def double(self, one: Row, other: Row) -> Finding:
        text = f"The occurrence of {to_iso(one.fire_time)} has two rows: {one.run_id} and"
        text += f" {other.run_id}."
        return Finding(Code.DOUBLE, self.task_id, text, other.run_id, one.fire_time)

    def unnamed(self, row: Row) -> Finding:
        text = f"A row says that an occurrence was due at {to_iso(row.fire_time)}; no rule that"
        text += " its task ever had names that instant."
        return Finding(Code.UNNAMED, self.task_id, text, row.run_id, row.fire_time)

    def _overlap(self, summary: Row, row: Row) -> Finding:
        text = f"The row of {to_iso(summary.fire_time)} covers {summary.count} occurrences;"
        text += f" that of {to_iso(row.fire_time)} is one of them and has its own row."
        return Finding(
            Code.OVERLAP, self.task_id, text, summary.run_id, summary.fire_time, row.fire_time
        )

    def _hole(self, first: Instant, last: Instant, number: int) -> Finding:
        if number == 1:
            text = f"The occurrence of {to_iso(first)} has no row."
        else:
            text = f"{number} occurrences from {to_iso(first)} to {to_iso(last)} have no row."
        return Finding(Code.HOLE, self.task_id, text, None, first, last, number)


EVERYTHING_COUNTED = COUNTED
"""The most missing instants that are counted one by one."""

MOST_EXCUSED = 1_000
"""The most missing instants that are looked at one by one: more than can have been skipped
manually.
"""


def _nth(trigger: Trigger, first: Instant, last: Instant, number: int, count: Count) -> Instant:
    """Return the instant that has `number` others before it, the first among them."""
    low, high = first, last
    while low < high:  # the smallest end within which there are more than `number`
        middle = (low + high) // 2
        if count(trigger, first - 1, middle, number + 1) > number:
            high = middle
        else:
            low = middle + 1
    return low


def named_by(triggers: Sequence[Trigger], since: Instant) -> Named:
    """Return the function that decides whether any of the triggers names an instant. Every instant
    before `since`, when the first trigger is known, counts as named.
    """

    def named(instant: Instant) -> bool:
        return instant <= since or any(one.last_before(instant) == instant for one in triggers)

    return named
