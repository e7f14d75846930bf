"""A stream ends when its listener may no longer come in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi import FastAPI

from rota import web
from rota.core.run import State
from rota.web.live import broadcast, sse
from tests.integration.web.site import Gate, Site
from tests.integration.web.test_access import bearer, sign_in
from tests.integration.web.test_access import closed as closed
from tests.integration.web.test_server import calling


@pytest.fixture
def stream(closed: Site, gate: Gate) -> Callable[[str], str]:
    """Return what gives the address of a stream that has nothing to tell."""

    def address(kind: str) -> str:
        if kind == "events":
            return "/manager/events"
        closed.add(gate.hold, "hold")
        return f"/manager/runs/{closed.run('hold', State.RUNNING)}/logs/stream"

    return address


@pytest.mark.parametrize("kind", ["events", "logs"])
def test_a_stream_ends_when_its_token_is_revoked(
    closed: Site, stream: Callable[[str], str], kind: str
) -> None:
    headers = bearer(closed, "read")
    with closed.client.stream("GET", stream(kind), headers=headers) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        closed.manager.revoke_token("reader")
        for _ in lines:  # until it ends, as it should
            pass
    assert closed.client.get(stream("events"), headers=headers).status_code == 401


@pytest.mark.parametrize("kind", ["events", "logs"])
def test_a_stream_ends_when_its_token_expires(
    closed: Site, stream: Callable[[str], str], kind: str
) -> None:
    address = stream(kind)
    short = closed.manager.create_token("short", "read", lifetime=2)
    headers = {"Authorization": f"Bearer {short.secret}"}
    with closed.client.stream("GET", address, headers=headers) as answer:
        assert answer.status_code == 200
        answer.read()


def test_a_stream_that_needed_no_token_ends_when_the_first_one_is_made(site: Site) -> None:
    with site.client.stream("GET", "/manager/events") as answer:
        bearer(site, "read")
        answer.read()


def test_a_stream_of_a_session_ends_with_it(closed: Site) -> None:
    sign_in(closed, closed.manager.create_code("link").secret)
    with closed.client.stream("GET", "/manager/events") as answer:
        assert answer.status_code == 200
        closed.manager.revoke_token("link")
        answer.read()


def test_a_stream_ends_behind_an_application_of_ones_own(closed: Site) -> None:
    app = FastAPI()
    app.include_router(web.router(closed.manager))
    with calling(app, "http://localhost") as client:
        headers = bearer(closed, "read")
        with client.stream("GET", "/manager/events", headers=headers) as answer:
            assert answer.status_code == 200
            closed.manager.revoke_token("reader")
            answer.read()


def test_a_stream_stays_open_while_its_token_is_valid(
    closed: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "ASK", 0.01)
    monkeypatch.setattr(broadcast, "HEARTBEAT", 0.05)
    headers = bearer(closed, "read")
    with closed.client.stream("GET", "/manager/events", headers=headers) as answer:
        alive = (line for line in answer.iter_lines() if line == ": alive")
        for _ in range(10):
            assert next(alive)
