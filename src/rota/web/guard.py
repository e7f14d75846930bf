"""Checks of every request and headers of every answer, whatever the route."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rota.errors import RotaError
from rota.web.problems import Problem

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
LARGEST_BODY = 1024 * 1024
"""The most bytes in the body of a request."""

ANSWER_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

READING = frozenset({"GET", "HEAD"})

_API = "/manager/"
"""HEAD is not supported below this path: the answer to GET may be an endless stream."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]+)(:[0-9]*)?", re.ASCII | re.IGNORECASE)
"""A valid Host header: its characters cannot change the URL that is made from it."""


def check(request: Request, hosts: Collection[str]) -> None:
    """Raise Problem for a request that a page of another site may have caused.

    The Host header reveals a rebound DNS name; Origin and Sec-Fetch-Site reveal a foreign page.
    """
    headers = request.headers
    host = headers.get("host", "")
    if host_name(host) not in hosts:
        raise Problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"this server does not answer to the host name {host[:200]!r}.",
            remedy="Open it as localhost or 127.0.0.1, or add its name to manager.hosts.",
        )
    if request.method not in READING and _is_foreign(headers, host):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "a page of another site asked for this change.",
            remedy="Changes are taken from this server's own pages, and from programs that send"
            " no Origin header.",
        )
    if _is_pulled_in(headers):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "a page of another site loads this as part of itself.",
            remedy="Open it by a link, or ask for it with a token in the header Authorization.",
        )
    if b"%00" in request.scope.get("raw_path", b"") or b"%00" in request.scope["query_string"]:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "the address holds a NUL character.",
            remedy="Leave out the %00.",
        )


def allowed(hosts: Collection[str]) -> frozenset[str]:
    """Return the accepted host names: this machine's local ones, and `hosts`."""
    return LOCAL_HOSTS | {host.strip("[]").lower() for host in hosts}


class Guard:
    """The middleware that checks each request, limits its body, and adds the security headers.

    HEAD is answered as GET without the body. `admit` raises if the request lacks the right it
    needs; `refuse` turns that error into an answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Collection[str],
        admit: Callable[[Request], None],
        refuse: Callable[[Request, Exception], Response],
    ) -> None:
        self._app = app
        self._admit = admit
        self._refuse = refuse
        self._hosts = allowed(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD" and not path_of(scope).startswith(_API):
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        request = Request(scope)

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(ANSWER_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            check(request, self._hosts)
            await run_in_threadpool(self._admit, request)  # in a thread: it may read the ledger
            body = await _limited_body(request, receive)
        except (Problem, RotaError) as error:
            await self._refuse(request, error)(scope, receive, hardened)
        except ClientDisconnect:
            return  # the client is gone and waits for no answer
        else:
            await self._app(scope, body, hardened)


def _without_body(send: Send) -> Send:
    """Return a `send` that drops the body of an answer."""

    async def bare(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return bare


async def _limited_body(request: Request, receive: Receive) -> Receive:
    """Read the body, at most `LARGEST_BODY` bytes, and return a `receive` that replays it.

    Raises Problem for a larger body, and ClientDisconnect if the body was cut off: part of a body
    may have another meaning than the whole.
    """
    if request.method in READING:
        return receive
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "the body is larger than 1 MiB.",
                remedy="Send less; store large data elsewhere and send a reference to it.",
            )
        more = message.get("more_body", False)
    whole: list[Message] = [{"type": "http.request", "body": body}]

    async def again() -> Message:
        return whole.pop() if whole else await receive()

    return again


def host_name(host: str) -> str:
    """Return the name in a Host header, without its port; "" if the header is invalid."""
    found = _HOST.fullmatch(host)
    return found[1].strip("[]").lower() if found else ""


def path_of(scope: Scope) -> str:
    """Return the routed path: the part below the mount point of the application."""
    path: str = scope["path"]
    below = path.removeprefix(scope.get("root_path", ""))
    return below if below[:1] in ("", "/") else path


def _is_pulled_in(headers: Headers) -> bool:
    """Return whether a page of another site loads this as part of itself, not by a link.

    The cookie of the visitor, or this machine's address, would admit the request, and its streams
    could use up all places.
    """
    return (
        headers.get("sec-fetch-site") == "cross-site"
        and headers.get("sec-fetch-mode") != "navigate"
        and "authorization" not in headers
    )


def _is_foreign(headers: Headers, host: str) -> bool:
    site = headers.get("sec-fetch-site", "none")
    origin = headers.get("origin")
    if site not in ("same-origin", "none"):
        return True
    return origin is not None and origin.partition("://")[2].lower() != host.lower()
