"""Logs of runs over REST: as JSON, as text, and as a stream that ends with the run."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from rota.core.run import FINAL, LogLine, Run
from rota.core.secrets import redact_text
from rota.core.time import to_datetime
from rota.errors import LedgerError, UnknownRunError
from rota.manager import TaskManager
from rota.web.api.models import LogRead
from rota.web.live import sse
from rota.web.live.broadcast import HEARTBEAT
from rota.web.live.commit_watch import CommitWatch
from rota.web.pages.format import visible
from rota.web.problems import Problem

PAGE = 1_000
Place = tuple[int, int]

After = Annotated[
    str,
    Query(description="The last known line: attempt.seq", pattern=r"^[0-9]{1,9}\.[0-9]{1,15}$"),
]


def add(router: APIRouter, manager: TaskManager, commits: CommitWatch) -> None:
    """Add the endpoints."""

    @router.get("/manager/runs/{id}/logs", tags=["runs"])
    def get_logs(
        id: str, after: After = "0.0", limit: Annotated[int, Query(ge=1, le=10_000)] = PAGE
    ) -> list[LogRead]:
        """Return what a run logged and printed, in order; for more, ask after the last line."""
        run = manager.get_run(id)
        lines = manager.history.logs(run.id, after=line_cursor(after), limit=limit)
        return [LogRead.of(line) for line in lines]

    @router.get(
        "/manager/runs/{id}/logs/text",
        tags=["runs"],
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    def get_logs_as_text(id: str) -> Response:
        """Return the whole log as text; control characters are made visible."""
        run = manager.get_run(id)
        name = f"attachment; filename={run.id}.log"
        return StreamingResponse(
            _text(manager, run.id),
            media_type="text/plain; charset=utf-8",
            headers={"Content-Disposition": name},
        )

    @router.get("/manager/runs/{id}/logs/stream", tags=["runs"], responses=sse.DESCRIPTION)
    async def follow_logs(
        request: Request,
        id: str,
        after: After = "0.0",
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Stream the log as server-sent events until the run ends.

        `line` has the fields of a line in the list; `end` has the `state` and `reason` of the run.
        A browser that reconnects continues after its last line.
        """
        begin = line_cursor(last_event_id or after)
        async with commits:
            run = await commits.read(lambda: manager.get_run(id))
        return sse.stream(_follow(manager, commits, run.id, begin), commits.admit(request))


def line_cursor(text: str) -> Place:
    """Return "attempt.seq" as two numbers; raises Problem for any other text."""
    found = re.fullmatch(r"(\d{1,9})\.(\d{1,15})", text, re.ASCII)
    if found is None:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"after: {text[:100]!r} is not a place in a log.",
            kind="invalid",
            remedy="Write attempt and seq of the last line you have, like 1.20.",
        )
    return int(found[1]), int(found[2])


def _text(manager: TaskManager, run_id: str) -> Iterator[str]:
    after = (0, 0)
    while lines := manager.history.logs(run_id, after=after, limit=PAGE):
        yield "".join(map(_as_text, lines))
        after = (lines[-1].attempt, lines[-1].seq)


def _as_text(line: LogLine) -> str:
    at = to_datetime(line.at)
    moment = f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}"
    source = f" | {visible(redact_text(line.logger))}" if line.logger else ""
    what = visible(redact_text(line.text).replace("\r\n", "\n")).replace("\n", "\n    ")
    return f"{moment} | {line.level:<8}{source} | {what}\n"


async def _follow(
    manager: TaskManager, commits: CommitWatch, run_id: str, after: Place
) -> AsyncGenerator[str]:
    def look() -> tuple[Run, list[LogLine]]:
        run = manager.history.run(run_id)  # first, so that the lines until then are complete
        return run, manager.history.logs(run_id, after=after, limit=PAGE)

    async with commits:
        while not commits.over:
            beat = commits.beat()
            try:
                run, lines = await commits.read(look)
            except UnknownRunError:  # removed after its retention
                return
            except LedgerError:
                lines = []
            else:
                for line in lines:
                    after = (line.attempt, line.seq)
                    shown = LogRead.of(line).model_dump(mode="json")
                    yield sse.event("line", shown, id=f"{line.attempt}.{line.seq}")
                if len(lines) == PAGE:
                    continue
                if run.state in FINAL:
                    yield sse.event("end", {"state": run.state, "reason": redact_text(run.reason)})
                    return
            if not await commits.wait(beat, HEARTBEAT):
                yield sse.ALIVE
