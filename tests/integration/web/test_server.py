"""The server itself: where it listens, how it begins, how quickly it ends."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from rota import web
from rota.errors import ConfigError
from rota.testing import eventually
from tests.integration.web.site import Site, greet


@contextmanager
def calling(app: FastAPI, base_url: str) -> Iterator[httpx.Client]:
    """Yield a client that reaches an application by a server of its own."""
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        headers = {"Host": httpx.URL(base_url).host}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def test_importing_it_loads_no_web_framework() -> None:
    code = "import rota.web, sys; sys.exit(bool({'fastapi', 'uvicorn', 'jinja2'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_port_in_use_is_reported_with_a_remedy(site: Site) -> None:
    second = web.serve(site.manager, port=site.server.port)
    with pytest.raises(ConfigError, match=r"manager\.port") as caught:
        second.start()
    assert "choose another manager.port" in caught.value.remedy
    second.stop()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "no.such.host.invalid"])
def test_only_this_machine_is_served(site: Site, host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        web.serve(site.manager, host)
    assert caught.value.where == "manager.host"
    assert caught.value.remedy


def test_a_server_can_be_started_again_and_stopped_twice(site: Site) -> None:
    site.server.start()
    site.server.stop()
    site.server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(site.server.url or "http://127.0.0.1:1/")
    site.server.start()
    assert httpx.get(f"{site.server.url}health").status_code == 200


def test_a_request_before_the_pages_are_loaded_is_answered_once_they_are(site: Site) -> None:
    site.server.stop()
    site.server.listen()
    site.server.listen()
    with socket.create_connection(("127.0.0.1", site.server.port)) as early:
        early.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        site.server.start()
        early.settimeout(5)
        assert early.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_a_server_leaves_by_itself_when_asked(site: Site) -> None:
    port = site.server.port
    site.server.leave()

    def is_refused() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return True
        return False

    eventually(is_refused)
    site.server.leave()
    site.server.stop()


def test_stopping_is_prompt_while_answers_are_under_way(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.server.port)) as open_ended:
        head = "POST /manager/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
        open_ended.sendall(head.encode())
        httpx.get(f"{site.server.url}health")  # what was sent before it has been read, too
        began = time.monotonic()
        site.server.stop()
        assert time.monotonic() - began < 1
        open_ended.settimeout(5)
        eventually(lambda: not open_ended.recv(1000))


def test_answers_on_a_kept_connection_do_not_wait(standing: Site) -> None:
    def one() -> float:
        began = time.monotonic()
        standing.client.get("/static/icon.svg")
        return time.monotonic() - began

    assert min(one() for _ in range(10)) < 0.03  # 0.04 and more without TCP_NODELAY


def test_the_pages_can_be_mounted_in_an_application(site: Site) -> None:
    site.add(greet)
    app = FastAPI()
    web.mount(app, "/jobs", site.manager, hosts=["app.example"])
    with calling(app, "http://app.example") as client:
        assert client.get("/jobs/tasks").status_code == 401  # a proxy passes on anybody
        secret = site.manager.create_token("ci", "operate").secret
        client.headers["Authorization"] = f"Bearer {secret}"
        page = client.get("/jobs/tasks").text
        assert 'href="/jobs/tasks/greet"' in page
        assert 'action="/jobs/tasks/greet/run"' in page
        assert client.get("/jobs/static/rota.css").status_code == 200
        assert client.get("/jobs/health").json()["status"] == "healthy"
        run = client.post("/jobs/manager/tasks/greet/run")
        assert client.get(run.headers["location"]).json()["task_id"] == "greet"
        back = client.post("/jobs/tasks/greet/run")
        assert back.headers["location"] == "/jobs/tasks/greet"
        refused = client.get("/jobs/", headers={"Host": "evil.example"})
        assert refused.status_code == 421


def test_the_api_alone_is_included_in_an_application(site: Site) -> None:
    site.add(greet)
    app = FastAPI()
    app.include_router(web.router(site.manager), prefix="/jobs")
    with calling(app, "http://localhost") as client:
        assert client.get("/jobs/health").json()["status"] == "healthy"
        answer = client.get("/jobs/manager/tasks/greeet")
        assert (answer.status_code, answer.json()["remedy"]) == (404, "Did you mean 'greet'?")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert client.post("/jobs/manager/tasks", json={}).status_code == 422
        foreign = client.post("/jobs/manager/tasks/greet/run", headers={"Origin": "http://evil"})
        assert foreign.status_code == 403
        assert client.get("/jobs/health", headers={"Host": "evil"}).status_code == 421
        secret = site.manager.create_token("ci", "operate").secret
        client.headers["Authorization"] = f"Bearer {secret}"
        assert client.post("/jobs/manager/tasks/greet/run").status_code == 202
        assert client.post("/jobs/manager/tasks", json={}).status_code == 403
        assert client.delete("/jobs/manager/tasks/greet").status_code == 403
        del client.headers["Authorization"]
        assert client.get("/jobs/manager/tasks").status_code == 401
        assert client.get("/jobs/health/ready").status_code == 200


def test_address_of_the_configuration(tmp_path: Path) -> None:
    site = Site(tmp_path, host="localhost", port=0)
    with web.serve(site.manager) as server:
        assert server.url == f"http://localhost:{server.port}/"
        assert httpx.get(f"{server.url}health").status_code == 503
    site.client.close()
    site.manager.shutdown()
