"""Who is let in: this machine's own as long as there is no token, then only who has one."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from rota import web
from rota.core.access import Right, Token, digest
from rota.errors import ConfigError, StateError
from rota.testing import eventually
from rota.web import access
from tests.integration.web.site import Site, greet
from tests.integration.web.test_server import calling

PAGE = {"Accept": "text/html"}


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Site]:
    """Return a site that lets nobody in without a token."""
    with Site(tmp_path, access="token") as site:
        site.add(greet)
        yield site


def bearer(site: Site, right: Right | str, name: str = "") -> dict[str, str]:
    granted = site.manager.create_token(name or f"{right}er", right)
    return {"Authorization": f"Bearer {granted.secret}"}


def visible(site: Site, headers: dict[str, str]) -> bool:
    return site.client.get("/manager/tasks", headers=headers).status_code == 200


def test_without_a_token_whoever_is_on_this_machine_may_come_in(site: Site) -> None:
    assert site.client.get("/manager/tasks").status_code == 200


def test_the_first_token_closes_it(site: Site) -> None:
    headers = bearer(site, Right.READ)
    eventually(lambda: site.client.get("/manager/tasks").status_code == 401)
    answer = site.client.get("/manager/tasks")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "rota token create" in answer.json()["remedy"]
    assert visible(site, headers)


def test_anonymous_access_stays_disabled_when_the_last_token_ends(site: Site) -> None:
    short = site.manager.create_token("short", Right.ADMIN, lifetime=1.5)
    headers = {"Authorization": f"Bearer {short.secret}"}
    assert visible(site, headers)
    eventually(lambda: not visible(site, headers))
    assert site.client.get("/manager/tasks").status_code == 401
    reader = bearer(site, Right.READ)
    assert visible(site, reader)
    site.manager.revoke_token("reader")
    eventually(lambda: not visible(site, reader))
    assert site.client.get("/manager/tasks").status_code == 401


def test_the_code_of_a_link_closes_nothing(site: Site) -> None:
    sign_in(site, site.manager.create_code("link").secret)
    site.client.cookies.clear()
    assert site.client.get("/manager/tasks").status_code == 200


def test_each_right_reaches_as_far_as_it_says(closed: Site) -> None:
    new = {"id": "new", "trigger": "interval", "trigger_args": {"hours": 9}, "func_path": "x:y"}
    requests: list[tuple[Right, str, str, Any]] = [
        (Right.READ, "GET", "/manager/runs", None),
        (Right.READ, "GET", "/manager/audit", None),
        (Right.READ, "GET", "/health", None),
        (Right.OPERATE, "POST", "/manager/tasks/greet/run", None),
        (Right.OPERATE, "POST", "/manager/tasks/greet/pause", None),
        (Right.OPERATE, "POST", "/manager/tasks/greet/resume", None),
        (Right.OPERATE, "POST", "/tasks/greet/run", None),
        (Right.OPERATE, "POST", "/failures/retry", None),
        (Right.ADMIN, "POST", "/manager/tasks", new),
        (Right.ADMIN, "PATCH", "/manager/tasks/greet", {"name": "Greet"}),
        (Right.ADMIN, "POST", "/tokens/revoke", None),
        (Right.ADMIN, "DELETE", "/manager/tasks/greet", None),
    ]
    rights = {right: bearer(closed, right) for right in Right}
    for needed, method, path, body in requests:
        for right, headers in rights.items():
            answer = closed.client.request(method, path, json=body, headers=headers)
            if right.includes(needed):
                assert answer.status_code not in (401, 403), (right, path, answer.text)
            else:
                assert answer.status_code == 403, (right, path)
                assert f"right {needed}" in answer.json()["remedy"]


@pytest.mark.parametrize(
    "value",
    ["Bearer", "Bearer rota_x_y", "Basic YTpi", "bearer rota__", "Bearer " + "x" * 5000],
)
def test_an_unknown_token_grants_no_access(closed: Site, value: str) -> None:
    answer = closed.client.get("/manager/tasks", headers={"Authorization": value})
    assert answer.status_code == 401
    assert value not in answer.text or value == "Bearer"


def test_a_secret_that_is_almost_right_is_wrong(closed: Site) -> None:
    secret = closed.manager.create_token("ci", "read").secret
    for wrong in (secret[:-1], secret + "a", secret[:-1] + ("a" if secret[-1] != "a" else "b")):
        assert not visible(closed, {"Authorization": f"Bearer {wrong}"})
    assert visible(closed, {"Authorization": f"bearer {secret}"})


def test_a_token_in_an_address_is_not_taken(closed: Site) -> None:
    secret = closed.manager.create_token("ci", "admin").secret
    for name in ("token", "access_token", "secret", "code"):
        assert closed.client.get(f"/manager/tasks?{name}={secret}").status_code == 401


def test_a_token_ends_with_its_time_and_when_it_is_revoked(closed: Site) -> None:
    short = closed.manager.create_token("short", "read", lifetime=1.5)
    headers = {"Authorization": f"Bearer {short.secret}"}
    assert visible(closed, headers)
    eventually(lambda: not visible(closed, headers))
    long = bearer(closed, "read", "long")
    assert visible(closed, long)
    closed.manager.revoke_token("long")
    eventually(lambda: not visible(closed, long))
    with pytest.raises(StateError, match="long"):
        closed.manager.revoke_token("long")


def test_probes_and_styles_need_no_token(closed: Site) -> None:
    for path in ("/health/live", "/health/ready", "/static/rota.css", "/sign-in", "/health"):
        assert closed.client.get(path).status_code == 200, path


@pytest.mark.parametrize("path", ["/health/%09live", "/sta%0Atic/rota.css", "/sign-%0Din"])
def test_the_path_that_is_routed_is_the_one_that_is_judged(closed: Site, path: str) -> None:
    """An address that is put together and read again loses what no address may hold."""
    assert closed.client.get(path).status_code == 401


# --- sessions of the pages ----------------------------------------------------------------------


def sign_in(site: Site, secret: str, to: str = "/") -> httpx.Response:
    return site.client.post("/sign-in", data={"secret": secret, "to": to}, headers=PAGE)


def test_a_page_leads_to_the_sign_in_and_back(closed: Site) -> None:
    answer = closed.client.get("/tasks?q=a", headers=PAGE)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?to=%2Ftasks%3Fq%3Da"
    assert 'value="/tasks?q=a"' in closed.client.get(answer.headers["Location"]).text
    back = sign_in(closed, closed.manager.create_token("me", "read").secret, "/tasks?q=a")
    assert (back.status_code, back.headers["Location"]) == (303, "/tasks?q=a")
    assert closed.client.get("/tasks?q=a", headers=PAGE).status_code == 200


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", ""])
def test_the_sign_in_leads_nowhere_else(closed: Site, to: str) -> None:
    back = sign_in(closed, closed.manager.create_token("me", "read").secret, to)
    assert back.headers["Location"] == "/"


def test_the_cookie_is_strict_unreadable_to_scripts_and_has_no_secret(closed: Site) -> None:
    secret = closed.manager.create_token("me", "operate").secret
    cookie = sign_in(closed, secret).headers["Set-Cookie"]
    assert re.search("HttpOnly", cookie)
    assert re.search("samesite=strict", cookie, re.IGNORECASE)
    assert secret not in cookie
    assert secret.split("_", 2)[2] not in cookie


def test_a_link_signs_in_once_and_not_by_being_opened(closed: Site) -> None:
    code = closed.manager.create_code("link").secret
    for _ in range(3):  # a program that looks at links
        assert code in closed.client.get(f"/sign-in?code={code}").text
    assert sign_in(closed, code).status_code == 303
    assert closed.client.get("/settings", headers=PAGE).status_code == 200
    with httpx.Client(base_url=closed.server.url) as other:
        again = other.post("/sign-in", data={"secret": code})
        assert again.status_code == 401
        assert "unknown, used" in again.text
        assert other.get("/manager/tasks").status_code == 401
        code_as_token = {"Authorization": f"Bearer {code}"}
        assert other.get("/manager/tasks", headers=code_as_token).status_code == 401


def test_a_session_is_known_at_once_by_every_server(closed: Site) -> None:
    """However shortly before somebody else had the tokens read."""
    with web.serve(closed.manager, port=0) as other, httpx.Client(base_url=other.url) as there:
        for _ in range(3):
            code = closed.manager.create_code("link").secret
            for client in (closed.client, there):
                client.cookies.clear()
                wrong = {"Authorization": "Bearer rota_new_x"}  # has the tokens read anew
                assert client.get("/manager/tasks", headers=wrong).status_code == 401
            sign_in(closed, code)
            there.cookies.update(closed.client.cookies)
            for client in (closed.client, there):
                assert client.get("/settings", headers=PAGE).status_code == 200


def test_a_session_made_while_tokens_are_read_is_known(
    closed: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "KNOWN", 30.0)  # however slow the machine
    tokens, reading = closed.manager.tokens, threading.Event()

    def slowly() -> list[Token]:
        found = tokens()
        reading.set()
        eventually(lambda: any(one.spent_at for one in tokens()))
        return found

    def ask() -> None:
        unknown = {"Authorization": "Bearer rota_new_x"}
        assert httpx.get(f"{closed.server.url}manager/tasks", headers=unknown).status_code == 401

    code = closed.manager.create_code("link").secret
    ask()
    monkeypatch.setattr(closed.manager, "tokens", slowly)
    other = threading.Thread(target=ask)
    other.start()
    assert reading.wait(90)
    sign_in(closed, code)
    assert closed.client.get("/settings", headers=PAGE).status_code == 200
    other.join()


def test_a_session_ends_with_its_token_and_by_signing_out(closed: Site) -> None:
    sign_in(closed, closed.manager.create_token("me", "read").secret)
    cookie = closed.client.cookies["rota_session"]
    assert closed.client.get("/", headers=PAGE).status_code == 200
    out = closed.client.post("/sign-out")
    assert out.headers["Location"] == "/sign-in"
    assert "rota_session" not in closed.client.cookies
    closed.client.cookies.set("rota_session", cookie)
    assert closed.client.get("/", headers=PAGE).status_code == 303
    closed.client.cookies.clear()
    sign_in(closed, closed.manager.create_token("you", "read").secret)
    assert closed.client.get("/", headers=PAGE).status_code == 200
    closed.manager.revoke_token("you")
    assert closed.client.get("/", headers=PAGE).status_code == 303


def test_signing_out_ends_a_session_at_once_for_every_server(closed: Site) -> None:
    granted = closed.manager.create_token("me", "read").secret
    with web.serve(closed.manager, port=0) as other, httpx.Client(base_url=other.url) as there:
        for _ in range(3):
            sign_in(closed, granted)
            cookie = closed.client.cookies["rota_session"]
            there.cookies.set("rota_session", cookie)
            assert there.get("/tasks", headers=PAGE).status_code == 200
            closed.client.post("/sign-out")
            assert there.get("/tasks", headers=PAGE).status_code == 303
            assert there.get("/manager/runs").status_code == 401


def test_the_rows_of_the_ledger_contain_no_usable_secret(closed: Site, tmp_path: Path) -> None:
    sign_in(closed, closed.manager.create_code("link").secret)
    cookie = closed.client.cookies["rota_session"]
    closed.manager.services.ledger.write(lambda tx: None).result()
    found = b"".join(file.read_bytes() for file in tmp_path.glob("*db*"))
    assert digest(cookie).encode() in found
    assert cookie.encode() not in found
    words = sorted(set(re.findall(r"[0-9A-Za-z_-]{26,64}", found.decode("latin-1"))))
    for forged in (digest(cookie), *words[:50]):
        headers = {"Cookie": f"rota_session={forged}"}
        assert httpx.get(f"{closed.server.url}manager/tasks", headers=headers).status_code == 401


def test_a_forged_cookie_grants_no_access(closed: Site) -> None:
    sign_in(closed, closed.manager.create_token("me", "read").secret)
    good = closed.client.cookies["rota_session"]
    other = closed.manager.create_token("boss", "admin").token.id
    for forged in (good[:-2], good + "x", f"{other}.{good}", other, "..", "é", "x" * 5000):
        answer = httpx.get(
            f"{closed.server.url}manager/tasks",
            headers=[(b"Cookie", f"rota_session={forged}".encode())],
        )
        assert answer.status_code == 401, forged


def test_the_audit_names_the_token_and_contains_no_secret(
    closed: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    granted = closed.manager.create_token("ci", "operate")
    headers = {"Authorization": f"Bearer {granted.secret}"}
    assert closed.client.post("/manager/tasks/greet/run", headers=headers).status_code == 202
    secret = granted.secret.split("_", 2)[2]
    run, grant = closed.manager.history.audit().changes
    assert (run.who, run.face) == ("ci", "rest")
    assert grant.verb == "grant"
    assert secret not in caplog.text
    closed.manager.shutdown()
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes(), file


def test_tokens_are_made_and_revoked_on_the_settings(closed: Site) -> None:
    sign_in(closed, closed.manager.create_code("link").secret)
    made = closed.client.post("/tokens", data={"name": "new", "right": "read", "days": "3"})
    secret = re.search(r'id="secret">([^<]+)<', made.text)
    assert secret is not None
    assert visible(closed, {"Authorization": f"Bearer {secret[1]}"})
    assert secret[1] not in closed.client.get("/settings").text
    assert "new" in closed.client.get("/settings").text
    closed.client.post("/tokens/revoke", data={"name": "new"})
    eventually(lambda: not any(t.keeps(2**62) and t.name == "new" for t in closed.manager.tokens()))
    wrong = closed.client.post("/tokens", data={"name": "new", "right": "root"})
    assert wrong.status_code == 422


# --- where it listens ---------------------------------------------------------------------------


def test_other_machines_are_served_only_where_there_is_a_token(site: Site) -> None:
    with pytest.raises(ConfigError, match="no token") as caught:
        web.serve(site.manager, "0.0.0.0", 0)
    assert "rota token create" in caught.value.remedy
    headers = bearer(site, "read")
    with web.serve(site.manager, "0.0.0.0", 0) as server:
        url = f"http://127.0.0.1:{server.port}/manager/tasks"
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers=headers).status_code == 200


def test_both_addresses_of_this_machine_are_served(site: Site) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    assert httpx.get(f"http://[::1]:{site.server.port}/manager/tasks").status_code == 200


def test_a_request_for_another_host_name_needs_a_token(site: Site) -> None:
    """A proxy on this machine passes on what comes from anywhere."""
    app = web.application(site.manager, hosts=["rota.example"])
    with calling(app, "http://rota.example") as client:
        assert client.get("/manager/tasks").status_code == 401
        assert client.get("/manager/tasks", headers=bearer(site, "read")).status_code == 200


def test_the_users_own_middleware_may_say_who_asks(closed: Site) -> None:
    app = web.application(closed.manager)

    async def known(scope: Any, receive: Any, send: Any) -> None:
        scope["rota.user"], scope["rota.right"] = "ann", Right.OPERATE
        await app(scope, receive, send)

    with calling(known, "http://127.0.0.1") as client:  # type: ignore[arg-type]
        assert client.post("/manager/tasks/greet/run").status_code == 202
        assert client.delete("/manager/tasks/greet").status_code == 403
    assert closed.manager.history.audit().changes[0].who == "ann"
