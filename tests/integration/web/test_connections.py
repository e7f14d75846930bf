"""Connections: how many there may be, from whom, and how long each may take."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from rota.testing import eventually
from rota.web import connections
from tests.integration.web.site import Site

HEAD = b"POST /manager/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Site]:
    """A site that takes sixteen connections, eight from one address."""
    with Site(tmp_path, web_connections=16) as site:
        yield site


def sent(site: Site, words: bytes, source: str = "127.0.0.1") -> socket.socket:
    one = socket.create_connection(("127.0.0.1", site.server.port), 10, (source, 0))
    one.sendall(words)
    return one


def is_cut(one: socket.socket) -> bool:
    one.settimeout(20)
    try:
        return one.recv(1000) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("words", [b"", b"GET / HTTP/1.1\r\nHost: loc", HEAD])
def test_what_is_not_said_in_time_is_cut(
    site: Site, monkeypatch: pytest.MonkeyPatch, words: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD", 0.2)
    monkeypatch.setattr(connections, "BODY", 0.2)
    with sent(site, words) as one:
        assert is_cut(one)
    assert site.client.get("/health/live").status_code == 200


def test_the_oldest_idle_one_makes_room_for_a_new_one(narrow: Site) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(sent(narrow, b"")) for _ in range(8)]
        assert httpx.get(f"{narrow.server.url}health/live").status_code == 200
        assert is_cut(idle[0])


def test_one_address_with_too_many_requests_is_refused_and_others_are_served(
    narrow: Site,
) -> None:
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(sent(narrow, HEAD))

        answering = narrow.server._uvicorn_server
        assert answering is not None
        asking = answering._limiter._open
        eventually(lambda: len(asking) == 8 and not any(one.is_idle for one in list(asking)))
        with sent(narrow, b"") as one:
            one.settimeout(20)
            assert one.recv(1000).startswith(b"HTTP/1.1 503")
        transport = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(transport=transport, base_url=narrow.server.url) as other:
            assert other.get("/health/live").status_code == 200
    eventually(lambda: httpx.get(f"{narrow.server.url}health/live").status_code == 200)


def test_a_connection_that_cannot_be_checked_keeps_no_other_open(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[connections.Connection] = []
    look = connections.Connection.look

    def raising(connection: connections.Connection) -> None:
        first.append(connection) if not first else None
        if connection is first[0]:
            raise RuntimeError("no such state")
        look(connection)

    monkeypatch.setattr(connections, "HEAD", 0.2)
    monkeypatch.setattr(connections.Connection, "look", raising)
    with sent(site, b""):
        eventually(lambda: first)
        with sent(site, b"") as other:
            assert is_cut(other)
        assert site.client.get("/health/live").status_code == 200
