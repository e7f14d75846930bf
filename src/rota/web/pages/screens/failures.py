"""The screen Failures: which tasks failed, with which error, how often and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from rota.core.audit import AuditFilter, Verb
from rota.core.ports.records import Failures, RunFilter
from rota.core.run import FAILURE_CODES, Run
from rota.core.time import Instant
from rota.diagnosis.attention import FAILING
from rota.errors import DefinitionError, Mistakes, StateError, UnknownRunError, UnknownTaskError
from rota.manager import TaskManager
from rota.web.pages.flash import FlashMessage, runs
from rota.web.pages.layout import PageLayout
from rota.web.pages.parts.cost_cache import CostCache
from rota.web.pages.parts.figures import task_name
from rota.web.pages.parts.forms import Form, lead
from rota.web.pages.parts.time_ranges import SPANS, TimeRange, span_of

SLICES = 28
"""The number of bars in the small chart of each row."""
TALLEST = 20
MOST_SHOWN = 100
MOST_RETRIED = 100
"""The most runs that one click retries."""


@dataclass(frozen=True, slots=True)
class FailureBar:
    """The number of failures in one slice of time, and the height of its bar."""

    place: int
    count: int
    height: int
    first: Instant  # when the first of them ended
    last: Instant


@dataclass(frozen=True, slots=True)
class Group:
    """All failures of one task with one kind of error."""

    task_id: str
    name: str
    kind: str
    title: str  # the kind in words
    count: int
    first: Instant
    last: Instant
    example: str  # id of a run
    reason: str
    bars: Sequence[FailureBar]

    @property
    def key(self) -> str:
        """An id of the row that depends only on its task and kind."""
        name = f"{self.task_id}\0{self.kind}".encode("utf-8", "surrogatepass")
        return blake2b(name, digest_size=8).hexdigest()


def add(router: APIRouter, layout: PageLayout) -> None:
    """Add the screen."""
    cache = CostCache[list[Failures]](layout.manager.services.clock)
    retrying = Lock()  # two requests at once would retry the same runs

    @router.get("/failures")
    def show_failures(
        request: Request, span: Annotated[str, Query(max_length=10)] = ""
    ) -> Response:
        chosen, now = span_of(span), layout.now()
        found = cache.get(chosen, lambda: _read(layout.manager, chosen, now))
        values = _values(layout.manager, found, chosen)
        return layout.show(request, "failures.html", now=now, **values)

    @router.post("/failures/retry")
    def retry(request: Request, form: Form) -> Response:
        manager, span = layout.manager, span_of(form.get("span", ""))
        reason = form.get("reason", "").strip()[:1000] or "retried in bulk on the page"
        since = layout.now() - span.length
        with retrying:
            found = _unretried(manager, form.get("task", ""), form.get("kind", ""), since)
            text = _retry(manager, found, reason)
        return layout.flash.add(
            request, lead(request, f"/failures?span={span.key}"), FlashMessage(text)
        )


def _read(manager: TaskManager, span: TimeRange, now: Instant) -> list[Failures]:
    # One microsecond more, to include runs that have just ended.
    return manager.history.failures(now - span.length, now + 1, span.length // SLICES)


def _values(manager: TaskManager, found: Sequence[Failures], span: TimeRange) -> dict[str, Any]:
    groups = sorted(_groups(manager, found), key=lambda one: (-one.count, -one.last))
    return {
        "groups": groups[:MOST_SHOWN],
        "group_count": len(groups),
        "failure_count": sum(one.count for one in groups),
        "task_count": len({one.task_id for one in groups}),
        "most_retried": MOST_RETRIED,
        "span": span,
        "spans": SPANS,
    }


def _groups(manager: TaskManager, found: Iterable[Failures]) -> Iterable[Group]:
    sums: dict[tuple[str, str], list[Failures]] = {}
    for one in found:
        sums.setdefault((one.task_id, one.kind), []).append(one)
    names = {task_id: task_name(manager, task_id) for task_id, _ in sums}
    for (task_id, kind), parts in sums.items():
        newest = max(parts, key=lambda one: one.last)
        yield Group(
            task_id=task_id,
            name=names[task_id],
            kind=kind,
            title=kind.replace("_", " ") if kind in FAILURE_CODES else kind,
            count=sum(one.runs for one in parts),
            first=min(one.first for one in parts),
            last=newest.last,
            example=newest.example,
            reason=newest.reason.removeprefix(f"{kind.rpartition('.')[2]}: "),
            bars=_bars(parts),
        )


def _bars(parts: Sequence[Failures]) -> list[FailureBar]:
    """Return the bars of one row; heights are relative to the largest count."""
    most = max(one.runs for one in parts)
    return [
        FailureBar(
            min(one.slice, SLICES - 1),
            one.runs,
            max(3, round(TALLEST * one.runs / most)),
            one.first,
            one.last,
        )
        for one in parts
    ]


def _retry(manager: TaskManager, found: Sequence[Run], reason: str) -> str:
    """Retry each of the runs, and return the outcome as text; raises LedgerError."""
    left = Counter[str]()
    for run in found:
        try:
            manager.retry_run(run.id, reason=reason)
        except (DefinitionError, Mistakes):
            left["their arguments no longer fit the function"] += 1
        except (UnknownTaskError, UnknownRunError):
            left["their task is no longer known"] += 1
        except StateError:
            left["they were retried already, or still run"] += 1
    if not found:
        return "Nothing is left to retry: each of these runs was retried already."
    parts = [f"{runs(len(found) - left.total())} retried"]
    parts += [f"{count:,} could not be: {why}" for why, count in left.items()]
    return f"{'; '.join(parts)}."


def _unretried(manager: TaskManager, task_id: str, kind: str, since: Instant) -> list[Run]:
    """Return the newest failures of a task and a kind that were not retried, oldest first."""
    retries = AuditFilter(task_id=task_id, verbs={Verb.RETRY}, since=since)
    retried = {one.run_id for one in manager.history.audit(retries, limit=10_000).changes}
    where = RunFilter(task_id=task_id, states=FAILING, since=since)
    found = [
        run
        for run in manager.history.runs(where, limit=10_000).runs
        if run.failure_kind == kind and run.id not in retried
    ]
    return found[:MOST_RETRIED][::-1]
