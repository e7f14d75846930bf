"""What came of a form, said on the page that the form leads to.

A signed cookie carries it there, so that nobody else can have a page say something. It lasts for a
minute and is taken back by the first page that shows it. Each server signs with a key of its own:
if the next page comes from another node, nothing is said there.
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
from rota.web.proxies import is_encrypted

COOKIE = "rota_said"
LASTS = 60
"""Seconds."""

LONGEST = 500
"""Characters of a text."""

_LONGEST_COOKIE = 4_000


class Said(NamedTuple):
    """What came of a form, and where more of it is seen: a path of ours and what it is called."""

    text: str
    path: str = ""
    link: str = ""


class Saying:
    """Hands what is said from the answer to a form over to the page after it."""

    def __init__(self, manager: TaskManager) -> None:
        self._manager = manager
        self._key = token_bytes(32)

    def add(self, request: Request, response: Response, said: Said) -> Response:
        """Give what is said to the browser together with an answer, which is returned."""
        text = said.text if len(said.text) <= LONGEST else f"{said.text[: LONGEST - 1]}…"
        response.set_cookie(
            COOKIE,
            self._sign(said._replace(text=text), self._now()),
            max_age=LASTS,
            path=request.scope.get("root_path", "") or "/",
            secure=is_encrypted(request),
            httponly=True,
            samesite="strict",
        )
        return response

    def find(self, request: Request) -> Said | None:
        """Return what a request brings to be said; None where that is nothing of ours, or old."""
        cookie = request.cookies.get(COOKIE, "")
        if not cookie or len(cookie) > _LONGEST_COOKIE:
            return None
        return self._read(cookie, self._now())

    def take_back(self, request: Request, response: Response) -> None:
        """Have the browser forget what a page has said."""
        response.delete_cookie(COOKIE, path=request.scope.get("root_path", "") or "/")

    def _sign(self, said: Said, now: Instant) -> str:
        body = urlsafe_b64encode(json.dumps([now, *said]).encode()).decode()
        return f"{body}.{self._seal(body)}"

    def _read(self, cookie: str, now: Instant) -> Said | None:
        body, _, seal = cookie.partition(".")
        if not hmac.compare_digest(self._seal(body).encode(), seal.encode()):
            return None
        at, *said = json.loads(urlsafe_b64decode(body))
        return Said(*said) if at <= now <= at + LASTS * SECOND else None

    def _seal(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), sha256).hexdigest()

    def _now(self) -> Instant:
        return self._manager.services.clock.now()


def runs(count: int) -> str:
    """Return so many runs in words, with the verb that follows them."""
    return "1 run is" if count == 1 else f"{count:,} runs are"
