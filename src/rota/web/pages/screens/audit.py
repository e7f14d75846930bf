"""The screen Audit: who changed what, when and why."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from rota.core.audit import AuditFilter, Face, Verb
from rota.manager import TaskManager
from rota.web.pages.layout import PageLayout

CHANGES_PER_PAGE = 50

PLACES = {
    Face.PAGE: "on the page",
    Face.REST: "over REST",
    Face.CLI: "on the command line",
    Face.PYTHON: "in code",
}

Word = TypeVar("Word", bound=StrEnum)


def add(router: APIRouter, layout: PageLayout) -> None:
    """Add the screen."""

    @router.get("/audit")
    def show_audit(
        request: Request,
        task: Annotated[str, Query(max_length=200)] = "",
        verb: Annotated[str, Query(max_length=20)] = "",
        face: Annotated[str, Query(max_length=20)] = "",
        after: Annotated[str, Query(max_length=100)] = "",
    ) -> Response:
        verbs, faces = _word(Verb, verb), _word(Face, face)
        where = AuditFilter(
            task_id=task or None, verbs=None if verbs is None else {verbs}, face=faces
        )
        values = _values(layout.manager, where, after)
        asked = {"task": task, "verb": verbs or "", "face": faces or ""}
        return layout.show(request, "audit.html", now=layout.now(), asked=asked, **values)


def _word(kind: type[Word], text: str) -> Word | None:
    return kind(text) if text in list(kind) else None


def _values(manager: TaskManager, where: AuditFilter, after: str) -> dict[str, Any]:
    """Return the values of the template; raises LedgerError."""
    page = manager.history.audit(where, limit=CHANGES_PER_PAGE, after=after or None)
    stored = manager.history.tasks({one.task_id for one in page.changes if one.task_id})
    return {
        "changes": page.changes,
        "older": page.next,
        "newest": not after,
        "names": {task.record.id: task.edits.name or task.record.name for task in stored},
        "verbs": list(Verb),
        "places": PLACES,
    }
