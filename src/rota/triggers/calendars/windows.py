"""Maintenance windows: spans of time in which occurrences of some tasks are skipped or delayed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rota.core.catchup import Rejection
from rota.core.ports.windows import OpenedWindow, WindowAction
from rota.core.reasons import ReasonCode
from rota.core.time import Instant, to_iso
from rota.core.trigger import Trigger
from rota.triggers.layers import FOREVER, Layer, Stretch

_MOST = 10_000
"""Windows in a row that a search looks through; after so many nothing is found."""

_MOST_CHAINED = 100


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """A window: one span of time, or with `begins` a span of `length` from each of its instants."""

    name: str
    action: WindowAction
    span: Stretch = (0, 0)
    begins: Trigger | None = None
    length: Instant = 0
    everyone: bool = False
    tags: frozenset[str] = frozenset()
    tasks: frozenset[str] = frozenset()
    reason: str = ""

    def concerns(self, task_id: str, tags: Sequence[str]) -> bool:
        """Return whether it is about a task."""
        return self.everyone or task_id in self.tasks or not self.tags.isdisjoint(tags)

    def span_at(self, instant: Instant) -> Stretch | None:
        """Return the span that an instant is in, from its first instant to the first one after it;
        None outside of the window."""
        since, until = self.span
        if self.begins is not None:
            begin = self.begins.last_before(instant)
            if begin is None:
                return None
            since, until = begin, begin + self.length
        return (since, until) if since <= instant < until else None

    def next_begin(self, after: Instant) -> Instant:
        """Return the first instant of its next span strictly after `after`; FOREVER for none."""
        if self.begins is not None:
            found = self.begins.next_after(after)
            return FOREVER if found is None else found
        return self.span[0] if self.span[0] > after else FOREVER

    def last_end(self, at: Instant) -> Instant:
        """Return the first instant after its last span that is over at `at`; -FOREVER for none."""
        if self.begins is not None:
            found = self.begins.last_before(at - self.length)
            return -FOREVER if found is None else found + self.length
        return self.span[1] if self.span[1] <= at else -FOREVER

    def said(self) -> str:
        """Return it in words."""
        return f"the window {self.name}" + (f" ({self.reason})" if self.reason else "")


def opened_window(opened: OpenedWindow) -> MaintenanceWindow:
    """Return a window that was opened manually, as planning sees it."""
    return MaintenanceWindow(
        name=str(opened.id),
        action=opened.action,
        span=(opened.since, FOREVER if opened.until is None else opened.until),
        everyone=opened.everyone,
        tags=frozenset(opened.tags),
        tasks=frozenset(opened.tasks),
        reason=opened.reason,
    )


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one task; `is_once`: of its occurrences in a window that delays, one runs."""

    windows: tuple[MaintenanceWindow, ...]
    is_once: bool

    def starts_at(self, instant: Instant) -> Instant | None:
        """Return when an occurrence starts that a window delays; None if none does."""
        if not self.windows:
            return None
        if not self._active(instant, WindowAction.DELAY) or self._is_free(instant):
            return None
        return self._delayed(instant)[1]

    def rejection(self, rule: Trigger, instant: Instant) -> Rejection | None:
        """Return why an occurrence of `rule` does not run; None if it does, perhaps later."""
        if self._is_free(instant):
            return None
        for window, (since, until) in self._active(instant, WindowAction.SKIP):
            return self._rejected(instant, f"it is in {window.said()}", since, until)
        for window, _ in self._active(instant, WindowAction.DELAY):
            since, until = self._delayed(instant)
            after = None if self._is_free(until) else self._active(until, WindowAction.SKIP)
            for other, _ in after or ():
                text = f"{window.said()} delays it, and at its end it is in {other.said()}"
                return self._rejected(instant, text, since, until)
            first = self._first_delayed(rule, since, instant)
            if self.is_once and first < instant:
                text = (
                    f"{window.said()} delays it; the occurrence of {to_iso(first)} runs at its end"
                )
                return self._rejected(instant, text, first + 1, until)
            return None
        return None

    def _rejected(self, at: Instant, text: str, since: Instant, until: Instant) -> Rejection:
        """Return a rejection that lasts no longer than until a window that allows begins."""
        for window in self.windows:
            if window.action is WindowAction.ALLOW:
                since = max(since, window.last_end(at))
                until = min(until, window.next_begin(at))
        return Rejection(text, ReasonCode.WINDOW, since, until)

    def _is_free(self, instant: Instant) -> bool:
        return bool(self._active(instant, WindowAction.ALLOW))

    def _active(
        self, instant: Instant, action: WindowAction
    ) -> list[tuple[MaintenanceWindow, Stretch]]:
        """Return the windows with that action that an instant is in, each with its span."""
        spans = ((one, one.span_at(instant)) for one in self.windows if one.action is action)
        return [(one, span) for one, span in spans if span is not None]

    def _delayed(self, instant: Instant) -> Stretch:
        """Return the span of the windows that delay, one following the other without a gap."""
        spans = [span for _, span in self._active(instant, WindowAction.DELAY)]
        since, until = min(one for one, _ in spans), max(one for _, one in spans)
        for _ in range(_MOST_CHAINED):
            later = [span[1] for _, span in self._active(until, WindowAction.DELAY)]
            earlier = [span[0] for _, span in self._active(since - 1, WindowAction.DELAY)]
            if not later and not earlier:
                break
            since, until = min([since, *earlier]), max([until, *later])
        return since, until

    def _first_delayed(self, rule: Trigger, since: Instant, instant: Instant) -> Instant:
        """Return the first occurrence from `since` on that no other window skips or allows."""
        for found in self._named(rule, since, instant):
            skips = self._active(found, WindowAction.SKIP)
            if not skips and not self._is_free(found):
                return found
        return instant

    def _named(self, rule: Trigger, since: Instant, until: Instant) -> Iterator[Instant]:
        found = rule.next_after(since - 1)
        for _ in range(_MOST):
            if found is None or found >= until:
                return
            yield found
            found = rule.next_after(found)


@dataclass(frozen=True, slots=True)
class OutsideWindows(Layer):
    """The instants of `rule` that start, at once or at the end of a window."""

    windows: Windows

    def next_after(self, after: Instant) -> Instant | None:
        """Return the first instant strictly after `after`."""
        instant = self.rule.next_after(after)
        for _ in range(_MOST):
            rejected = None if instant is None else self.windows.rejection(self.rule, instant)
            if instant is None or rejected is None:
                return instant
            if rejected.until >= FOREVER:
                return None
            instant = self.rule.next_after(max(rejected.until - 1, instant))
        return None

    def last_before(self, at: Instant) -> Instant | None:
        """Return the last instant at or before `at`."""
        instant = self.rule.last_before(at)
        for _ in range(_MOST):
            rejected = None if instant is None else self.windows.rejection(self.rule, instant)
            if instant is None or rejected is None:
                return instant
            if rejected.since <= -FOREVER:
                return None
            instant = self.rule.last_before(min(rejected.since, instant) - 1)
        return None


def outside_windows(rule: Trigger, windows: Windows) -> Trigger:
    """Return the rule without what windows skip; the same object if there is no window."""
    return OutsideWindows(rule, windows) if windows.windows else rule
