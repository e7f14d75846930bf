"""Behind a proxy on the same machine: whoever it passes on is a stranger, and with a token all of
the pages work. The proxy is a real nginx with the block of `docs/howto/security.md`."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from rota import web
from rota.testing import eventually
from tests.brokers import free_ports
from tests.docs.pages import snippets
from tests.integration.web.site import Site, greet
from tests.integration.web.test_access import PAGE
from tests.integration.web.test_server import calling

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
MAIN = """
daemon off;
master_process off;
pid {home}/pid;
error_log {home}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    {block}
}}
"""
BARE = "server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:8470; }} }}"


@contextmanager
def nginx(block: str, port: int, upstream: int) -> Iterator[int]:
    """Run nginx with a server block in which rota is at port 8470; yields its port."""
    if NGINX is None:
        pytest.skip("needs nginx, which is not installed")
    with tempfile.TemporaryDirectory(prefix="rota-nginx-") as directory:
        home = Path(directory)
        for name, words in {
            "8470": str(upstream),
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "/etc/ssl/jobs.example": f"{home}/jobs.example",
        }.items():
            block = block.replace(name, words)
        if " ssl" in block:
            certify(home)
        (home / "nginx.conf").write_text(MAIN.format(home=home, block=block))
        command = [NGINX, "-p", str(home), "-e", f"{home}/error.log", "-c", f"{home}/nginx.conf"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as it:
            try:
                eventually(lambda: listens(port), what=f"nginx listens: {home}/error.log")
                yield port
            finally:
                it.terminate()


def certify(home: Path) -> None:
    """Make a certificate that nobody has signed."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, which is not installed")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=jobs.example", "-keyout", home / "jobs.example.key", "-out",
         home / "jobs.example.pem"],
        check=True,
        capture_output=True,
    )  # fmt: skip


def listens(port: int) -> bool:
    """Say whether anybody listens on a port."""
    try:
        httpx.get(f"http://127.0.0.1:{port}/")
    except httpx.TransportError as error:
        return not isinstance(error, httpx.ConnectError)
    return True


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Site]:
    """A site that answers to the name of its proxy."""
    with Site(tmp_path, hosts=["jobs.example"]) as site:
        site.add(greet)
        yield site


@pytest.fixture
def proxied(behind: Site) -> Iterator[httpx.Client]:
    """A client of that site, by way of the proxy that the page describes."""
    [block] = [one.text for one in snippets(Path("docs/howto/security.md"), "nginx")]
    [port] = free_ports(1)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with (
        nginx(block, port, behind.server.port),
        httpx.Client(verify=trusting, base_url=f"https://127.0.0.1:{port}", timeout=20) as client,
    ):
        client.headers["Host"] = f"jobs.example:{port}"
        yield client


def test_a_stranger_whom_a_proxy_passes_on_needs_a_token(
    behind: Site, proxied: httpx.Client
) -> None:
    for path in ("/manager/tasks", "/health", "/metrics"):
        answer = proxied.get(path)
        assert answer.status_code == 401, path
        assert "rota token create" in answer.json()["remedy"]
    assert proxied.get("/", headers=PAGE).headers["Location"] == "/sign-in?to=%2F"
    assert proxied.get("/health/ready").status_code == 200
    token = behind.manager.create_token("ci", "operate").secret
    proxied.headers["Authorization"] = f"Bearer {token}"
    assert proxied.get("/manager/tasks").json()[0]["id"] == "greet"
    assert proxied.post("/manager/tasks/greet/run").status_code == 202


def test_a_browser_signs_in_and_acts_by_way_of_a_proxy(behind: Site, proxied: httpx.Client) -> None:
    code = behind.manager.create_code("link").secret
    own = {**PAGE, "Origin": f"https://{proxied.headers['Host']}", "Sec-Fetch-Site": "same-origin"}
    answer = proxied.post("/sign-in", data={"secret": code, "to": "/tasks"}, headers=own)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tasks")
    cookie = answer.headers["Set-Cookie"]
    assert "Secure" in cookie
    proxied.headers["Cookie"] = cookie.partition(";")[0]
    assert "greet" in proxied.get("/tasks", headers=own).text
    assert proxied.post("/tasks/greet/run", headers=own).status_code == 303
    foreign = {**own, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert proxied.post("/tasks/greet/run", headers=foreign).status_code == 403
    assert proxied.get("/tasks", headers={"Host": "evil.example"}).status_code == 421


def test_events_pass_a_proxy_one_by_one(behind: Site, proxied: httpx.Client) -> None:
    token = behind.manager.create_token("ci", "operate").secret
    proxied.headers["Authorization"] = f"Bearer {token}"
    with proxied.stream("GET", "/manager/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        while "event: reset" not in next(lines):
            pass
        run_id = behind.run("greet")
        while run_id not in next(lines):  # it comes while the stream stands
            pass


def test_an_nginx_without_configuration_admits_no_visitor(behind: Site) -> None:
    """It sends its own name for the host and no header of its own, but in HTTP/1.0."""
    [port] = free_ports(1)
    with nginx(BARE.format(port=port), port, behind.server.port):
        answer = httpx.get(f"http://127.0.0.1:{port}/manager/tasks")
        assert answer.status_code == 401
        assert "proxy" in answer.json()["detail"]
        assert "rota token create" in answer.json()["remedy"]


@pytest.mark.parametrize(
    "name",
    ["Forwarded", "forwarded", "X-Forwarded-For", "x-forwarded-proto", "X-FORWARDED-HOST",
     "X_Forwarded_For", "X-Real-IP", "Via", "CF-Connecting-IP", "True-Client-IP",
     "X-Client-IP", "X-Cluster-Client-IP", "Fastly-Client-IP", "X-Original-Forwarded-For",
     "X-Envoy-External-Address", "X-Amzn-Trace-Id", "CDN-Loop", "X-Scheme"],
)  # fmt: skip
def test_what_a_proxy_adds_tells_it_whatever_it_says(standing: Site, name: str) -> None:
    for value in ("127.0.0.1", "for=127.0.0.1", ""):
        for path in ("/manager/tasks", "/health", "/metrics"):
            answer = standing.client.get(path, headers={name: value})
            assert answer.status_code == 401, (path, value)
            assert name.lower() in answer.json()["detail"].lower()
    assert standing.client.get("/manager/tasks").status_code == 200


def test_proxied_requests_need_a_token_in_an_application_and_for_the_api_alone(
    standing: Site,
) -> None:
    app = web.application(standing.manager)
    with calling(app, "http://localhost") as client:
        assert client.get("/manager/tasks").status_code == 200
        for name, value in (("X-Forwarded-For", "192.0.2.1"), ("Via", "1.1 cache")):
            assert client.get("/manager/tasks", headers={name: value}).status_code == 401
