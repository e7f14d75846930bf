"""Enqueueing runs over REST."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from rota.manager import TaskManager
from rota.web.api.models import RunDetail, RunRequest
from rota.web.api.paging import Id, address
from rota.web.api.runs import detail
from rota.web.problems import Problem
from rota.web.rate_limit import ManualRunLimiter


def add(router: APIRouter, manager: TaskManager, rate: ManualRunLimiter) -> None:
    """Add the endpoint; a plain function, so that each request waits in a thread."""

    @router.post("/manager/tasks/{id:path}/run", status_code=HTTPStatus.ACCEPTED, tags=["tasks"])
    def run_task(
        request: Request,
        response: Response,
        id: Id,
        how: RunRequest | None = None,
        idempotency_key: Annotated[
            str | None, Header(min_length=1, max_length=200, description="As `key` in the body.")
        ] = None,
    ) -> RunDetail:
        """Enqueue a run; returns that run, or the earlier run with the same key."""
        how = how or RunRequest()
        if idempotency_key is not None and how.key not in (None, idempotency_key):
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "the header Idempotency-Key and `key` are not the same.",
                kind="invalid",
                remedy="Give one of the two.",
            )
        rate.spend(id)
        handle = manager.enqueue(
            id,
            **{name: getattr(how, name) for name in RunRequest.model_fields if name != "key"},
            key=how.key or idempotency_key,
        )
        response.headers["Location"] = address(request, "runs", handle.id)
        return detail(manager, handle.id)
