"""The screen Timeline: past and coming runs of all tasks, and how many ran at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from rota.core.time import DAY, HOUR, MINUTE, Instant, to_datetime
from rota.core.trigger import Trigger
from rota.manager import TaskManager
from rota.web.pages.layout import PageLayout
from rota.web.pages.parts.cost_cache import CostCache
from rota.web.pages.parts.time_ranges import SPANS, TimeRange, span_of
from rota.web.pages.parts.timeline_lanes import (
    COMING,
    PAST,
    PLANNED,
    TaskLane,
    Window,
    at_once,
    going,
    lanes,
    window,
)

LANES_PER_PAGE = 40

_STEPS = {"1h": 10 * MINUTE, "6h": HOUR, "24h": 3 * HOUR, "3d": 12 * HOUR, "7d": DAY}
"""The distance between the lines of the time axis."""


class Picture(NamedTuple):
    """The drawn data, as of a moment."""

    now: Instant
    shown: Window
    lanes: Sequence[TaskLane]  # by the ids of their tasks
    load: Sequence[float]


class Tick(NamedTuple):
    """A line of the time axis."""

    place: float
    text: str


def add(router: APIRouter, layout: PageLayout) -> None:
    """Add the screen."""
    cache = CostCache[Picture](layout.manager.services.clock)

    @router.get("/timeline")
    def show_timeline(
        request: Request,
        span: Annotated[str, Query(max_length=10)] = "",
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    ) -> Response:
        chosen, now = span_of(span), layout.now()
        picture = cache.get(chosen, lambda: _read(layout.manager, chosen, now))
        values = _values(layout.manager, picture, chosen, page)
        return layout.show(request, "timeline.html", now=now, **values)


def _read(manager: TaskManager, span: TimeRange, now: Instant) -> Picture:
    """Read the runs and return the picture; raises LedgerError."""
    shown = window(span.length, now)
    ended = manager.history.bundles(shown.since, now + 1, shown.slice)
    bundles = [*ended, *(going(run, shown, now) for run in manager.history.running())]
    every = lanes(bundles, _planned(manager, now), shown)
    return Picture(now, shown, every, at_once(bundles, shown.slice))


def _values(manager: TaskManager, picture: Picture, span: TimeRange, page: int) -> dict[str, Any]:
    """Return the values of the template; raises LedgerError."""
    stored = manager.history.tasks()
    names = {task.record.id: task.edits.name or task.record.name for task in stored}
    every = sorted(
        picture.lanes,
        key=lambda lane: (names.get(lane.task_id, lane.task_id).lower(), lane.task_id),
    )
    pages = max(1, -(-len(every) // LANES_PER_PAGE))
    page = min(page, pages)
    most = max(picture.load)
    known = sum(task.removed_at is None for task in stored)
    return {
        "lanes": every[(page - 1) * LANES_PER_PAGE : page * LANES_PER_PAGE],
        "names": names,
        "planned": PLANNED,
        "idle_count": max(0, known - len(every)),
        "task_count": known,
        "page": page,
        "pages": pages,
        "ticks": list(_ticks(picture.shown, _STEPS[span.key])),
        "present": picture.shown.place(picture.now),
        "curve": _curve(picture.load, most) if most else "",
        "peak": most,
        "slices": PAST + COMING,
        "span": span,
        "spans": SPANS,
    }


def _planned(manager: TaskManager, now: Instant) -> Iterator[tuple[str, Trigger, Instant]]:
    for entry in manager.services.engine.registry.entries():
        instant = entry.next_run(now)
        if instant is not None:
            yield entry.definition.id, entry.firing, instant - 1


def _ticks(shown: Window, step: Instant) -> Iterator[Tick]:
    first = -(-shown.since // step) * step
    for instant in range(first, shown.until, step):
        moment = to_datetime(instant)
        is_day = instant % DAY == 0
        text = f"{moment.day} {moment:%b}" if is_day else f"{moment:%H:%M}"
        yield Tick(shown.place(instant), text)


def _curve(load: Sequence[float], most: float) -> str:
    """Return the load as an SVG path of steps, one unit wide, from 0 at 40 up to the most at 2."""
    steps = (f"V{40 - 38 * one / most:.1f}h1" for one in load)
    return f"M0 40{''.join(steps)}V40z"
