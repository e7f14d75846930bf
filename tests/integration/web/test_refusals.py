"""What is refused: foreign pages, other hosts, bad input, too much of it. Never with a 5xx."""

from __future__ import annotations

import json
import socket
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from rota.testing import eventually
from tests.integration.web.site import Site, greet

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8470", "localhost.evil", "", "[::"])
def test_another_host_name_is_refused(standing: Site, host: str) -> None:
    for address in ("/", "/health", "/manager/tasks", "/static/rota.js"):
        answer = standing.client.get(address, headers={"Host": host})
        assert answer.status_code == 421, address
        assert answer.json()["remedy"]


@pytest.mark.parametrize(
    "host",
    [
        "localhost/static/x?",
        "localhost:80/static/x?",
        "localhost?",
        "localhost#",
        "localhost:80#",
        "localhost\\x",
        "localhost:x",
        "localhost:80:80",
        "me@localhost",
        "[::1]x",
        "[::1]:80/",
        "::1",
    ],
)
def test_more_than_a_name_and_a_port_is_no_host(standing: Site, host: str) -> None:
    assert standing.client.get("/manager/tasks", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8470", "LOCALHOST:80"])
def test_names_of_this_machine_are_answered(standing: Site, host: str) -> None:
    assert standing.client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
    ],
)
def test_a_change_from_a_foreign_page_is_refused(standing: Site, headers: dict[str, str]) -> None:
    for address in ("/manager/tasks/greet/run", "/tasks/greet/run", "/manager/tasks"):
        answer = standing.client.post(address, headers=headers)
        assert answer.status_code == 403, address
    assert standing.client.delete("/manager/tasks/greet", headers=headers).status_code == 403
    assert standing.client.get("/manager/runs").json() == []


def test_a_change_from_an_own_page_or_a_program_is_taken(site: Site) -> None:
    site.add(greet)
    origin = site.server.url.rstrip("/")
    for headers in ({}, {"Origin": origin, "Sec-Fetch-Site": "same-origin"}):
        answer = site.client.post("/manager/tasks/greet/run", headers=headers)
        assert answer.status_code == 202


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_changes_nothing(standing: Site, method: str) -> None:
    for verb in ("run", "pause", "resume"):
        for address in (f"/manager/tasks/greet/{verb}", f"/tasks/greet/{verb}"):
            assert standing.client.request(method, address).status_code in (404, 405)
    task = standing.client.get("/manager/tasks/greet").json()
    assert (task["paused"], standing.client.get("/manager/runs").json()) == (False, [])


def test_every_answer_carries_the_headers(standing: Site) -> None:
    for address in ("/", "/nope", "/health", "/manager/tasks", "/manager/runs?limit=0", "/tasks/x"):
        headers = standing.client.get(address, headers={"Accept": "text/html"}).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"
        assert not [name for name in headers if name.startswith("access-control")]


def test_a_large_body_is_refused_whether_or_not_it_says_so(standing: Site) -> None:
    large = b'"' + b"x" * (1024 * 1024) + b'"'
    answer = standing.client.post("/manager/tasks", content=large, headers=JSON)
    assert answer.status_code == 413

    def pieces() -> Any:
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    answer = standing.client.post("/manager/tasks", content=pieces(), headers=JSON)
    assert (answer.status_code, answer.json()["status"]) == (413, 413)


@pytest.mark.parametrize("sent", [b"", b"{}", b"{"])
def test_a_body_that_was_cut_off_does_nothing(site: Site, sent: bytes) -> None:
    site.add(greet)
    address = urlsplit(site.server.url)
    head = (
        f"POST /manager/tasks/greet/run HTTP/1.1\r\nHost: {address.netloc}\r\n"
        "Content-Type: application/json\r\nContent-Length: 200\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as cut:
        cut.sendall(head.encode() + sent)
        site.client.get("/health/live")  # what was sent before it has been read, too
        cut.shutdown(socket.SHUT_WR)
        cut.settimeout(10)
        assert not cut.recv(1000)
    run_id = site.run("greet")
    assert [run["id"] for run in site.client.get("/manager/runs").json()] == [run_id]


HOSTILE = [
    b"",
    b"{",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"1" * 5000,
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b'"text"',
    b'{"name": "\\ud800", "func_path": "\\ud800", "trigger": "cron"}',
    b'{"name": "a\\u0000b", "func_path": "x", "trigger": "date", "trigger_args": {"run_date": 1}}',
    b'{"trigger_args": {"hours": NaN, "\\ud800": Infinity}}',
    b'{"trigger_args": {"hours": 1e400, "start_date": "0000-00-00"}}',
    b'{"trigger_args": {"hours": ' + b"9" * 4000 + b"}}",
    b'{"arguments": {"a": "\\ud800"}}',
    b'{"arguments": {"a": NaN}}',
    b'{"arguments": {"a": ' + b"[" * 300 + b"]" * 300 + b"}}",
    b'{"until": "9999-12-31T23:59:59-14:00"}',
    b'{"until": "0001-01-01T00:00:00+14:00"}',
    b'{"until": 1e300, "reason": "\\u0000"}',
]


def test_hostile_input_is_never_our_mistake(site: Site) -> None:
    site.add(greet)
    schema = site.client.get("/manager/openapi.json").json()
    seen = 0
    for path, methods in schema["paths"].items():
        if path == "/manager/events":
            continue  # never ends
        for method in methods:
            for id in ("greet", "%F0%9F", "..%2F..%2Fetc", "%00", "x" * 3000):
                address = path.replace("{id}", id).replace("{id:path}", id)
                for body in HOSTILE if id == "greet" and method != "get" else [b"{}"]:
                    answer = site.client.request(method, address, content=body, headers=JSON)
                    assert answer.status_code < 500, (method, address, body, answer.text)
                    seen += 1
    assert seen > 100


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "since=65535",
        "until=1.5e9",
        "since=0001-01-01T00:00:00%2B14:00",
        "limit=0",
        "limit=1001",
        "limit=x",
        "state=done",
        "task=%00",
    ],
)
def test_invalid_filters_are_refused_with_a_reason(standing: Site, query: str) -> None:
    answer = standing.client.get(f"/manager/runs?{query}")
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["remedy"]


@pytest.mark.parametrize("after", ["1", "1.x", "-1.0", "1.0.0", "9" * 30 + ".1", "٣.١"])
def test_a_place_in_a_log_must_be_one(site: Site, after: str) -> None:
    site.add(greet)
    run_id = site.run("greet")
    answer = site.client.get(f"/manager/runs/{run_id}/logs", params={"after": after})
    assert answer.status_code == 422


def test_an_internal_error_is_logged_and_answered_without_details(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.manager.catalogue = None  # type: ignore[assignment]  # breaks what creating relies on
    body = {"name": "x", "func_path": "x", "trigger": "cron"}
    answer = site.client.post("/manager/tasks", json=body)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "content-security-policy" in answer.headers
    assert "NoneType" not in json.dumps(answer.json())
    found = eventually(lambda: [one for one in caplog.records if one.name == "rota.web"])
    assert found[0].exc_info


def test_a_form_leads_back_to_its_page_and_nowhere_else(site: Site) -> None:
    site.add(greet)
    own = f"{site.server.url}?page=1"
    for referer, target in (
        (own, "/?page=1"),
        ("https://evil.example/", "/tasks/greet"),
        (f"{site.server.url}/evil.example", "/tasks/greet"),
        ("http://[", "/tasks/greet"),
        ("", "/tasks/greet"),
    ):
        answer = site.client.post("/tasks/greet/run", headers={"Referer": referer})
        assert (answer.status_code, answer.headers["location"]) == (303, target)


def test_an_unknown_address_is_a_problem(standing: Site) -> None:
    answer = httpx.get(f"{standing.server.url}manager/nope")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")


@pytest.mark.parametrize(
    ("arguments", "where", "said"),
    [
        ({"nope": 1}, "arguments.nope", "greet_on(day: date, name: str = 'you')"),
        ({"day": "soon"}, "arguments.day", "valid date"),
        ({"name": 5}, "arguments.name", "valid string"),
    ],
)
def test_arguments_that_the_function_does_not_take_are_refused(
    site: Site, arguments: Any, where: str, said: str
) -> None:
    site.add(greet_on, kwargs={"day": date(2024, 2, 29)})
    answer = site.client.post("/manager/tasks/greet_on/run", json={"arguments": arguments})
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["where"] == where
    assert said in error["detail"]
    assert site.harness.runs("greet_on") == []
    started = site.client.post(
        "/manager/tasks/greet_on/run", json={"arguments": {"day": "2024-03-01"}}
    )
    assert started.status_code == 202
    assert site.harness.ended("greet_on")[0].result == "you on Friday"


def greet_on(day: date, name: str = "you") -> str:
    return f"{name} on {day:%A}"


def test_a_query_parameter_that_there_is_not_is_refused_with_those_there_are(site: Site) -> None:
    answer = site.client.get("/manager/runs", params={"stat": "failed", "limit": 5})
    assert answer.status_code == 422
    [mistake] = answer.json()["errors"]
    assert mistake["where"] == "query.stat"
    assert "state" in mistake["remedy"]
    assert "Known: after, cause, " in answer.json()["remedy"]
    site.add(greet)
    assert site.client.post("/manager/tasks/greet/run?dry=1").status_code == 422
    assert site.harness.runs("greet") == []
    assert site.client.get("/health?probe=1").status_code == 200


def test_a_secret_that_a_refusal_repeats_is_masked(site: Site) -> None:
    body = {"name": "x", "trigger_args": {"hour": "password=hunter2"}}
    for answer in (
        site.client.get("/manager/runs", params={"since": "password=hunter2"}),
        site.client.get("/manager/tasks/api_key=hunter2"),
        site.client.get("/manager/runs", params={"token=hunter2": "1"}),
        site.client.post("/manager/tasks", json={**body, "func_path": "a:b", "trigger": "cron"}),
    ):
        assert 400 <= answer.status_code < 500
        assert "hunter2" not in answer.text, answer.text
