"""The verification of the record over REST."""

from __future__ import annotations

import threading
from http import HTTPStatus
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query

from rota.core.time import SECOND, to_datetime
from rota.manager import TaskManager
from rota.web.api.models import FindingRead, VerificationRead
from rota.web.api.paging import Limit
from rota.web.problems import PAUSE, Problem

LONGEST = 20.0
"""Seconds after which a verification stops."""

_DAY = 86_400
Span = Annotated[int, Query(ge=1, le=3_660 * _DAY, description="How far to look back, in seconds.")]


class _OutOfTime(Exception):
    """The verification has taken as long as it may."""


def add(router: APIRouter, manager: TaskManager) -> None:
    """Add the endpoint."""
    at_work = threading.Lock()
    clock = manager.services.clock

    @router.get("/manager/verification", tags=["nodes"])
    def verify_record(span: Span = _DAY, limit: Limit = 100) -> VerificationRead:
        """Compare what is on record with what the rules of the tasks say had to be there.

        Changes nothing. One verification runs at a time, for at most 20 seconds; `complete` says
        whether it has seen everything.
        """
        if not at_work.acquire(blocking=False):
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "a verification is under way, and one runs at a time.",
                kind="busy",
                remedy=f"Ask again in {PAUSE} seconds.",
            )
        try:
            return verified(span, limit)
        finally:
            at_work.release()

    def verified(span: int, limit: int) -> VerificationRead:
        now, until = clock.now(), clock.monotonic() + LONGEST
        since = max(now - span * SECOND, 0)

        def pause() -> None:
            if clock.monotonic() > until:
                raise _OutOfTime

        found: list[FindingRead] = []
        complete = True
        try:
            findings = islice(manager.verifying(since, pause=pause), limit + 1)
            found.extend(FindingRead.of(one) for one in findings)
        except _OutOfTime:
            complete = False
        return VerificationRead(
            at=to_datetime(now),
            since=to_datetime(since),
            complete=complete and len(found) <= limit,
            findings=found[:limit],
        )
