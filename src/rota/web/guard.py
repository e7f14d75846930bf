"""What every request must pass and every answer carries, whatever the route."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rota.web.problems import Problem

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
LARGEST_BODY = 1024 * 1024
"""Bytes of a request's body."""

ANSWER_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_READING = frozenset({"GET", "HEAD"})


def check(request: Request, hosts: Collection[str]) -> None:
    """Raise Problem for a request that a page of another site may have caused.

    The Host header tells a rebound DNS name, Origin and Sec-Fetch-Site tell a foreign page.
    """
    headers = request.headers
    host = headers.get("host", "")
    if _host_name(host) not in hosts:
        raise Problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"this server does not answer to the host name {host[:200]!r}.",
            remedy="Open it as localhost or 127.0.0.1, or set manager.host to its name.",
        )
    if request.method not in _READING and _is_foreign(headers, host):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "a page of another site asked for this change.",
            remedy="Changes are taken from this server's own pages, and from programs that send"
            " no Origin header.",
        )
    if b"%00" in request.scope.get("raw_path", b"") or b"%00" in request.scope["query_string"]:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "the address holds a NUL character.",
            remedy="Leave out the %00.",
        )


def allowed(hosts: Collection[str]) -> frozenset[str]:
    """Return the names to answer to: this machine's own, and `hosts`."""
    return LOCAL_HOSTS | {host.strip("[]").lower() for host in hosts}


class Guard:
    """Checks each request, limits its body, and puts the security headers on each answer."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = allowed(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(ANSWER_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            check(request, self._hosts)
            body = await _limited_body(request, receive)
        except Problem as problem:
            await problem.response()(scope, receive, hardened)
        else:
            await self._app(scope, body, hardened)


async def _limited_body(request: Request, receive: Receive) -> Receive:
    """Read the body, at most `LARGEST_BODY` bytes of it, and return what gives it back."""
    if request.method in _READING:
        return receive
    body = b""
    message = await receive()
    while message["type"] == "http.request":
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "the body is larger than 1 MiB.",
                remedy="Send less; store large data elsewhere and pass its place.",
            )
        if not message.get("more_body"):
            break
        message = await receive()
    whole: list[Message] = [{"type": "http.request", "body": body}]

    async def again() -> Message:
        return whole.pop() if whole else await receive()

    return again


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_foreign(headers: Headers, host: str) -> bool:
    site = headers.get("sec-fetch-site", "none")
    origin = headers.get("origin")
    if site not in ("same-origin", "none"):
        return True
    return origin is not None and origin.partition("://")[2].lower() != host.lower()
