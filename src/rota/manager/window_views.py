"""Maintenance windows as people see them: those of the configuration, and those opened manually."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from rota.core.ports.windows import OpenedWindow, about
from rota.core.time import Instant, to_datetime
from rota.triggers import FOREVER
from rota.triggers.calendars.windows import MaintenanceWindow, opened_window
from rota.triggers.layers import Stretch

SHOWN = 3
"""Spans of a window that are listed: the present one and those that follow."""


@dataclass(frozen=True, slots=True)
class SpanView:
    """When a window is open; times are aware and in UTC."""

    since: datetime | None  # None: it has always been
    until: datetime | None  # the first instant after it; None: until it is closed


@dataclass(frozen=True, slots=True)
class WindowView:
    """A maintenance window as people see it."""

    id: int | None  # None: it is planned in the configuration
    name: str
    is_open: bool
    action: str
    all: bool
    tags: tuple[str, ...]
    tasks: tuple[str, ...]
    spans: tuple[SpanView, ...]  # the one that it is in, if it is open, and those to come
    reason: str = ""
    by: str = ""

    @property
    def about(self) -> str:
        """Return which tasks it is about, in words."""
        return about(self.all, self.tags, self.tasks)


def opened_view(opened: OpenedWindow, now: Instant) -> WindowView:
    """Return a window that was opened manually; one that is over has its span still."""
    window = opened_window(opened)
    return WindowView(
        id=opened.id,
        name=window.name,
        is_open=window.span_at(now) is not None,
        action=opened.action.value,
        all=opened.everyone,
        tags=opened.tags,
        tasks=opened.tasks,
        spans=(_span(window.span),),
        reason=opened.reason,
        by=opened.by,
    )


def planned_views(
    windows: Iterable[MaintenanceWindow], now: Instant, *, closed: bool = False
) -> list[WindowView]:
    """Return the windows of the configuration that are not over, or all that were `closed` too."""
    return [one for one in (_planned(window, now) for window in windows) if one.spans or closed]


def _planned(window: MaintenanceWindow, now: Instant) -> WindowView:
    return WindowView(
        id=None,
        name=window.name,
        is_open=window.span_at(now) is not None,
        action=window.action.value,
        all=window.everyone,
        tags=tuple(sorted(window.tags)),
        tasks=tuple(sorted(window.tasks)),
        spans=tuple(_span(one) for one in islice(_spans(window, now), SHOWN)),
        reason=window.reason,
    )


def _spans(window: MaintenanceWindow, now: Instant) -> Iterator[Stretch]:
    present = window.span_at(now)
    if present is not None:
        yield present
    begin = window.next_begin(now)
    while begin < FOREVER:
        span = window.span_at(begin)
        assert span is not None  # it begins then
        yield span
        begin = window.next_begin(begin)


def _span(span: Stretch) -> SpanView:
    since, until = span
    return SpanView(
        None if since <= -FOREVER else to_datetime(since),
        None if until >= FOREVER else to_datetime(until),
    )
