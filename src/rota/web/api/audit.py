"""The audit over REST."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from rota.core.audit import AuditFilter, Face, Verb
from rota.manager import TaskManager
from rota.web.api.models import ChangeRead, Moment, instant
from rota.web.api.paging import After, Limit, link_next


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add the endpoint."""

    @router.get("/manager/audit", tags=["audit"])
    def list_changes(
        request: Request,
        response: Response,
        task: str | None = None,
        run: Annotated[str | None, Query(description="The whole id of a run.")] = None,
        verb: Annotated[list[Verb] | None, Query()] = None,
        face: Face | None = None,
        who: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: Limit = 100,
        after: After = None,
    ) -> list[ChangeRead]:
        """List the audit, newest first: who changed what. The header `Link` names the next page."""
        where = AuditFilter(
            task_id=task,
            run_id=run,
            verbs=verb,
            face=face,
            who=who,
            since=instant(manager, "since", since, task),
            until=instant(manager, "until", until, task),
        )
        page = manager.history.audit(where, limit=limit, after=after)
        link_next(request, response, page.next)
        return [ChangeRead.of(change) for change in page.changes]
