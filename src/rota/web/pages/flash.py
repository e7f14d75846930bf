"""Showing the outcome of a form on the page that follows it.

A signed cookie carries the text, so that no other site can make a page show a text. It lasts for a
minute, and the first page that shows the text deletes it. The secret of the visitor's session is
the key, so that any node behind a balancer can show it; without a session it is the server's own.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from secrets import token_bytes
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from rota.core.time import SECOND, Instant
from rota.manager import TaskManager
from rota.web.access import COOKIE as SESSION
from rota.web.proxies import is_encrypted

COOKIE = "rota_flash"
LASTS = 60
"""Seconds for which an outcome can be shown."""

LONGEST = 500
"""The most characters of a text."""

_LONGEST_COOKIE = 4_000


class FlashMessage(NamedTuple):
    """The outcome of a form, with the path and the text of a link to more about it."""

    text: str
    path: str = ""
    link: str = ""


class FlashMessages:
    """The hand-over of an outcome from the answer to a form to the next page."""

    def __init__(self, manager: TaskManager) -> None:
        self._manager = manager
        self._key = token_bytes(32)

    def add(self, request: Request, response: Response, message: FlashMessage) -> Response:
        """Set the cookie of an outcome on an answer, and return the answer."""
        text = message.text if len(message.text) <= LONGEST else f"{message.text[: LONGEST - 1]}…"
        response.set_cookie(
            COOKIE,
            _sign(_key_of(request) or self._key, message._replace(text=text), self._now()),
            max_age=LASTS,
            path=request.scope.get("root_path", "") or "/",
            secure=is_encrypted(request),
            httponly=True,
            samesite="strict",
        )
        return response

    def find(self, request: Request) -> FlashMessage | None:
        """Return the outcome that a request carries; None if it is expired or not signed by us."""
        cookie = request.cookies.get(COOKIE, "")
        if not cookie or len(cookie) > _LONGEST_COOKIE:
            return None
        keys = (_key_of(request), self._key)
        found = (_read(key, cookie, self._now()) for key in keys if key)
        return next((message for message in found if message is not None), None)

    def take_back(self, request: Request, response: Response) -> None:
        """Delete the cookie of an outcome that a page has shown."""
        response.delete_cookie(COOKIE, path=request.scope.get("root_path", "") or "/")

    def _now(self) -> Instant:
        return self._manager.services.clock.now()


def _key_of(request: Request) -> bytes:
    return request.cookies.get(SESSION, "").encode()


def _sign(key: bytes, message: FlashMessage, now: Instant) -> str:
    body = urlsafe_b64encode(json.dumps([now, *message]).encode()).decode()
    return f"{body}.{_seal(key, body)}"


def _read(key: bytes, cookie: str, now: Instant) -> FlashMessage | None:
    body, _, seal = cookie.partition(".")
    if not hmac.compare_digest(_seal(key, body).encode(), seal.encode()):
        return None
    at, *message = json.loads(urlsafe_b64decode(body))
    return FlashMessage(*message) if at <= now <= at + LASTS * SECOND else None


def _seal(key: bytes, body: str) -> str:
    return hmac.new(key, f"rota said {body}".encode(), sha256).hexdigest()


def runs(count: int) -> str:
    """Return a number of runs as text, with its verb: "1 run is", "2 runs are"."""
    return "1 run is" if count == 1 else f"{count:,} runs are"
