"""`/manager/events`: what changes is told, whoever changed it, to everybody who listens."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from rota.testing import eventually
from rota.web.live import broadcast, commit_watch
from tests.integration.web.site import Gate, Site, greet
from tests.integration.web.test_logs import events

Told = tuple[str, dict[str, Any]]


@contextmanager
def listening(site: Site) -> Iterator[Callable[[Callable[[Told], bool]], Told]]:
    """Listen; yields what waits until something that fits has been told."""
    heard: queue.SimpleQueue[Told] = queue.SimpleQueue()
    client = httpx.Client(base_url=site.server.url, timeout=60)

    def listen() -> None:
        try:
            with client.stream("GET", "/manager/events") as answer:
                for kind, _, data in events(answer):
                    heard.put((kind, data))
        except httpx.HTTPError:
            pass  # the server or the client has been closed

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()

    def until(fits: Callable[[Told], bool]) -> Told:
        while not fits(told := heard.get(timeout=90)):
            pass
        return told

    until(lambda told: told[0] == "reset")  # from now on, nothing is missed
    yield until
    site.server.stop()
    thread.join(90)
    assert not thread.is_alive()
    client.close()


def state(run_id: str, wanted: str) -> Callable[[Told], bool]:
    return lambda told: told[1].get("id") == run_id and told[1].get("state") == wanted


def test_changes_of_runs_tasks_and_nodes_are_published(
    site: Site, gate: Gate, tmp_path: Path
) -> None:
    site.add(gate.hold, "hold")
    site.add(greet)
    with listening(site) as until:
        run_id = site.manager.run_task("hold")
        kind, data = until(state(run_id, "running"))
        assert (kind, data["task_id"], data["attempt"]) == ("run", "hold", 1)
        gate.open.set()
        until(state(run_id, "succeeded"))
        quick = site.manager.run_task("greet")  # may begin and end between two looks
        until(state(quick, "succeeded"))
        site.client.post("/manager/tasks/greet/pause")
        assert until(lambda told: told[0] == "task")[1] == {"id": "greet", "removed": False}


def test_changes_by_another_node_are_published(site: Site, tmp_path: Path) -> None:
    site.add(greet)
    with listening(site) as until, Site(tmp_path) as other:
        assert until(lambda told: told[0] == "node")[1]["state"] == "up"
        other.add(greet)
        other.manager.pause_task("greet")
        until(lambda told: told == ("task", {"id": "greet", "removed": False}))
        run_id = other.run("greet")
        until(state(run_id, "succeeded"))


def test_streams_are_counted_and_limited(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_watch, "MOST", 1)
    with listening(site):
        answer = site.client.get("/manager/events")
        assert answer.status_code == 429
        assert (answer.headers["retry-after"], bool(answer.json()["remedy"])) == ("5", True)
    site.server.start()
    site.client.base_url = httpx.URL(site.server.url)
    with listening(site):
        pass


def test_one_visitor_cannot_use_up_all_streams(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_watch, "MOST_EACH", 1)
    secret = site.manager.create_token("ann", "read").secret
    site.client.headers["Authorization"] = f"Bearer {secret}"
    with site.client.stream("GET", "/manager/events") as mine:
        assert mine.status_code == 200
        answer = site.client.get("/manager/events")
        assert (answer.status_code, "of yours" in answer.json()["detail"]) == (429, True)
        other = site.manager.create_token("bob", "read").secret
        headers = {"Authorization": f"Bearer {other}"}
        with site.client.stream("GET", "/manager/events", headers=headers) as stream:
            assert stream.status_code == 200


def test_a_closed_listener_frees_its_slot(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_watch, "MOST", 1)

    def comes_in() -> bool:
        with site.client.stream("GET", "/manager/events") as answer:
            return answer.status_code == 200

    for _ in range(3):
        eventually(comes_in, what="a free place")


def test_a_silent_node_is_published(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "HEARTBEAT", 0.05)
    with site.client.stream("GET", "/manager/events") as answer:
        lines = answer.iter_lines()
        assert next(line for line in lines if line.startswith(":")) == ": alive"
