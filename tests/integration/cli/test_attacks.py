"""The worst requests against a real `rota up`: what they cost it, in seconds of its processor."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest

from tests.integration.cli.project import Project, Up, until

MOST = 1.0
"""Seconds of processor time: it was seven for the first, and ten for the second of them."""

MANY = {f"key{number}": 1 for number in range(60_000)}


@pytest.fixture
def up(tmp_path: Path) -> Iterator[tuple[Project, Up, httpx.Client]]:
    project = Project(tmp_path)
    with (
        project.up() as up,
        httpx.Client(base_url=f"http://127.0.0.1:{project.port}", timeout=60) as client,
    ):

        def is_up() -> bool:
            try:
                return client.get("/health/ready").status_code == 200
            except httpx.TransportError:
                return False

        until(is_up)
        client.get("/manager/runs")  # loads what the first request needs
        client.get("/", headers={"Accept": "text/html"})
        yield project, up, client


def spent(up: Up, what: str, do: Callable[[], object]) -> float:
    """Return the processor time that something costs the server, the cheapest of three times."""
    process, found = psutil.Process(up.process.pid), []
    for _ in range(3):
        before = process.cpu_times()
        do()
        after = process.cpu_times()
        found.append(after.user + after.system - before.user - before.system)
    print(f"{what}: {min(found):.3f} s of the processor")  # noqa: T201
    return min(found)


def test_reading_the_worst_argument_blocks_no_loop(
    up: tuple[Project, Up, httpx.Client],
) -> None:
    _, server, client = up
    for text in (";" + "key" * 13_000, "a//b" * 10_000, "?key=a" * 7_000, "password='" * 4_000):
        answer = client.post("/manager/tasks/greet/run", json={"arguments": {"name": text}})
        assert answer.status_code == 202, answer.text[:300]
        id = answer.json()["id"]
        for accept, path in (
            ("application/json", f"/manager/runs/{id}"),
            ("text/html", f"/runs/{id}"),
        ):

            def look(path: str = path, accept: str = accept) -> None:
                assert client.get(path, headers={"Accept": accept}).status_code == 200

            assert spent(server, f"{path.split('/')[1]} of {text[:12]!r}", look) < MOST


def test_sixty_thousand_unknown_keys_are_refused_in_a_few_words(
    up: tuple[Project, Up, httpx.Client],
) -> None:
    _, server, client = up
    bodies = {
        "/manager/tasks/greet/run": MANY,
        "/manager/tasks/greet/pause": MANY,
    }
    for path, body in bodies.items():
        content = json.dumps(body, separators=(",", ":"))

        def send(path: str = path, content: str = content) -> None:
            headers = {"Content-Type": "application/json"}
            answer = client.post(path, content=content, headers=headers)
            assert answer.status_code == 422
            assert len(answer.content) < 20_000, len(answer.content)

        assert spent(server, f"60,000 keys to {path}", send) < MOST


def test_sixty_thousand_unknown_arguments_are_refused_in_a_few_words(
    up: tuple[Project, Up, httpx.Client],
) -> None:
    project, server, client = up
    content = json.dumps({"arguments": MANY}, separators=(",", ":"))
    task = json.dumps({"trigger_args": MANY}, separators=(",", ":"))

    def send(method: str, path: str, content: str) -> None:
        headers = {"Content-Type": "application/json"}
        answer = client.request(method, path, content=content, headers=headers)
        assert answer.status_code == 422, answer.text[:300]
        assert len(answer.content) < 20_000, len(answer.content)

    for method, path, body in (
        ("POST", "/manager/tasks/greet/run", content),
        ("PUT", "/manager/tasks/greet", task),
    ):
        cost = spent(
            server,
            f"{method} {path}",
            lambda: send(method, path, body),  # noqa: B023
        )
        assert cost < MOST
    with closing(sqlite3.connect(project.path / "rota.db")) as ledger:
        assert ledger.execute("SELECT count(*) FROM runs WHERE cause = 'manual'").fetchone() == (0,)
