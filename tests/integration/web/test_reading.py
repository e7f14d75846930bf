"""Occurrences, nodes, and what is answered where nothing is."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from rota import web
from rota.core.ports.records import NewRun
from rota.core.reasons.run_reason import RunReason
from rota.core.run import Cause, State
from rota.core.task import Overlap
from rota.core.time import HOUR, SECOND
from rota.core.verification.findings import Finding
from rota.testing import eventually
from rota.web.api import verification
from tests.integration.web.site import Site, fail, greet
from tests.integration.web.test_runs import walk


def test_the_coming_occurrences_of_all_tasks_or_of_one(site: Site) -> None:
    site.add(greet, trigger="cron", times={"minute": 0}, timezone="Europe/Berlin", name="Hi")
    site.add(fail, trigger="cron", times={"minute": 30})
    coming = site.client.get("/manager/occurrences/next", params={"horizon": 7200}).json()
    assert [one["at"] for one in coming] == sorted(one["at"] for one in coming)
    assert [one["task_id"] for one in coming] in (
        ["greet", "fail"] * 2,
        ["fail", "greet"] * 2,
    )
    query: dict[str, str | int] = {"task": "greet", "horizon": 360_000, "limit": 3}
    own = site.client.get("/manager/occurrences/next", params=query).json()
    assert [(one["name"], one["timezone"]) for one in own] == [("Hi", "Europe/Berlin")] * 3
    site.client.post("/manager/tasks/greet/pause")
    assert site.client.get("/manager/occurrences/next", params=query).json() == []
    unknown = site.client.get("/manager/occurrences/next?task=greeet")
    assert (unknown.status_code, unknown.json()["remedy"]) == (404, "Did you mean 'greet'?")


def test_what_became_of_past_occurrences(site: Site) -> None:
    site.add(greet)
    site.run("greet")  # manually: no occurrence
    services = site.manager.services
    now = services.clock.now()

    def occurrence(hours: int, state: State) -> NewRun:
        at = now - hours * HOUR
        run_id = services.engine.ids.new(now - hours * SECOND)
        return NewRun(
            run_id,
            "greet",
            at,
            Cause.SCHEDULE,
            state,
            RunReason(None, "why"),
            at,
            now,
            Overlap.SKIP,
        )

    runs = [occurrence(3, State.MISSED), occurrence(2, State.SKIPPED)]
    services.ledger.write(lambda tx: tx.plan(runs)).result()
    found = walk(site, "/manager/occurrences/past?task=greet&limit=1")
    assert [run["state"] for run in found] == ["skipped", "missed"]
    assert walk(site, "/manager/occurrences/past?since=2999-01-01T00:00:00Z") == []


def test_nodes(site: Site) -> None:
    [node] = site.client.get("/manager/nodes").json()
    assert (node["state"], node["slots"] > 0) == ("up", True)
    assert node["lease_until"] > node["seen_at"]


def test_live_and_ready(site: Site, tmp_path: Path) -> None:
    for address, status in (("live", "live"), ("ready", "ready")):
        answer = site.client.get(f"/health/{address}")
        assert (answer.status_code, answer.json()) == (200, {"status": status, "reasons": []})


def test_a_node_that_does_not_run_is_live_but_not_ready(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with web.serve(site.manager, port=0) as server, site.client as client:
        assert client.get(f"{server.url}health/live").status_code == 200
        assert client.get(f"{server.url}health/ready").status_code == 503
    site.manager.shutdown()


def test_health_is_down_if_the_clock_stops_ticking(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking = site.manager.services.engine.ticking
    monkeypatch.setattr(ticking, "tick_age", lambda: 61.0)
    answer = site.client.get("/health/live")
    assert answer.status_code == 503
    assert answer.json() == {"status": "dead", "reasons": ["the clock has not ticked for 61 s"]}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/manager/nope", 404),
        ("GET", "/manager", 404),
        ("DELETE", "/manager/runs", 405),
        ("PATCH", "/manager/tasks/greet", 405),
        ("POST", "/health", 405),
        ("TRACE", "/manager/nodes", 405),
        ("POST", "/manager/runs/x/cancel?x=%00", 400),
    ],
)
def test_where_nothing_is_the_answer_is_a_problem(
    standing: Site, method: str, path: str, status: int
) -> None:
    answer = standing.client.request(method, path, headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["remedy"]
    assert ("allow" in answer.headers) == (status == 405)


def test_a_ledger_that_is_away_is_said_to_be(site: Site) -> None:
    site.manager.services.ledger.close()
    try:
        answer = site.client.get("/manager/runs")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["type"].startswith("urn:rota:problem:ledger")
        assert site.client.get("/health/live").status_code == 200
        eventually(lambda: site.client.get("/health/ready").status_code == 503)
    finally:
        site.manager.services.ledger.open()  # the engine cannot stop without it


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/sign-in",
        "/static/rota.css",
        "/",
        "/tasks",
        "/tasks/greet",
        "/calendar.ics",
        "/tasks/nope",
        "/nope",
    ],
)
def test_head_answers_as_get_does_without_the_body(site: Site, path: str) -> None:
    site.add(greet)
    whole, head = site.client.get(path), site.client.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers.keys() == whole.headers.keys()
    assert int(head.headers["content-length"]) > 0
    assert site.client.get("/health").status_code == 200  # the connection goes on


def test_head_needs_the_same_right_and_opens_no_stream(tmp_path: Path) -> None:
    with Site(tmp_path, access="token") as site:
        assert site.client.head("/tasks").status_code == 401
        assert site.client.head("/tasks", headers={"Accept": "text/html"}).status_code == 303
        assert site.client.head("/health", headers={"Host": "evil.example"}).status_code == 421
        secret = site.manager.create_token("ci", "read").secret
        site.client.headers["Authorization"] = f"Bearer {secret}"
        assert site.client.head("/tasks").status_code == 200
        assert site.client.head("/manager/events").status_code == 405


def test_head_has_no_body_whatever_the_server(site: Site) -> None:
    """uvicorn drops it by itself."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "HEAD", "path": "/health/live", "raw_path": b"/health/live",
        "query_string": b"", "headers": [(b"host", b"localhost")], "scheme": "http",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    asyncio.run(web.application(site.manager)(scope, receive, send))
    start, *bodies = sent
    assert start["status"] == 200
    assert [message["body"] for message in bodies] == [b""]
    assert scope["method"] == "HEAD"


def test_the_record_is_verified_over_rest(site: Site, tmp_path: Path) -> None:
    site.add(greet)
    run_id = site.run("greet")
    sound = site.client.get("/manager/verification").json()
    assert (sound["complete"], sound["findings"]) == (True, [])
    with closing(sqlite3.connect(tmp_path / "rota.db", isolation_level=None)) as database:
        database.execute("UPDATE runs SET fence = 7 WHERE id = ?", [run_id])
    [finding] = site.client.get("/manager/verification?span=60").json()["findings"]
    assert (finding["code"], finding["run_id"]) == ("fence", run_id)
    assert finding["remedy"]
    assert site.client.get("/manager/verification?span=0").status_code == 422
    cut = site.client.get("/manager/verification?limit=1").json()
    assert len(cut["findings"]) == 1


def test_a_verification_over_rest_ends_in_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add(greet)
    monkeypatch.setattr(verification, "LONGEST", -1.0)
    answer = site.client.get("/manager/verification").json()
    assert (answer["complete"], answer["findings"]) == (False, [])


def test_only_one_verification_over_rest_runs_at_a_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, gate, verifying = threading.Event(), threading.Event(), site.manager.verifying

    def held(*args: Any, **named: Any) -> Iterator[Finding]:
        began.set()
        gate.wait(90)
        yield from verifying(*args, **named)

    monkeypatch.setattr(site.manager, "verifying", held)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(site.client.get, "/manager/verification")
        assert began.wait(90)
        second = site.client.get("/manager/verification")
        gate.set()
        assert first.result().status_code == 200
    assert second.status_code == 429
    assert second.headers["Retry-After"] == "5"
    assert second.json()["remedy"] == "Ask again in 5 seconds."
    assert site.client.get("/manager/verification").status_code == 200
