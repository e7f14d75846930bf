"""Who may come in: tokens in a header, sessions in a cookie, and this machine's own where no token
was ever made."""

from __future__ import annotations

import ipaddress
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import NamedTuple

from starlette.requests import Request

from rota.core.access import Right, Token, digest, id_in
from rota.errors import LedgerError
from rota.manager import TaskManager
from rota.web.audited_routes import RIGHT, USER
from rota.web.guard import LOCAL_HOSTS, READING, host_name, path_of
from rota.web.problems import Problem
from rota.web.proxies import passed_on_by

ACCESS = "rota.access"
"""Under this key, a request's scope has the `Access` that let it in: a stream asks it again."""

COOKIE = "rota_session"
SESSION = 7 * 86_400
"""Seconds that a session lasts."""

_LONGEST_COOKIE = 100
"""Characters; a session's has 43."""

AWAY = 600.0
"""Seconds for which a session that was read is taken as going on where the ledger is away: nobody
can sign out meanwhile."""

_MOST_SEEN = 1_000

KNOWN = 1.0
"""Seconds for which what was read of the tokens is taken as true: so long a revoked one works."""

_OPEN = re.compile(r"/health/(live|ready)|/static/.*|/sign-(in|out)")
"""What needs no right: probes, what every page needs, and the way in and out."""

_OPEN_HERE = frozenset({"/health", "/metrics"})
"""What needs none on this machine: it says more, to `rota health` and to monitors."""

_MADE_BY_ADMINS = re.compile(r".*(/manager/tasks|/tokens|/tokens/revoke)")
"""Where only an admin posts something: new tasks, and tokens."""


class Visitor(NamedTuple):
    """Who asks, and what they may do."""

    name: str
    right: Right


class Access:
    """Lets in who has the right for what they ask."""

    def __init__(self, manager: TaskManager) -> None:
        self._manager = manager
        self._lock = threading.Lock()
        self._tokens: Mapping[str, Token] | None = None
        self._read_at = 0.0
        self._seen: dict[str, tuple[float, Token]] = {}  # sessions by their hash, when last read

    def admit(self, request: Request) -> None:
        """Note in the request's scope who asks; raises Problem where they may not.

        A user's own middleware may have done so before: then that counts.
        """
        path = path_of(request.scope)
        if _OPEN.fullmatch(path) or (path in _OPEN_HERE and is_local(request)):
            return
        right: Right | None = request.scope.get(RIGHT)
        if right is None:
            visitor = self.visitor(request)
            if visitor is None:
                raise self._unknown(request)
            request.scope[USER], request.scope[RIGHT] = visitor
            request.scope[ACCESS] = self
            right = visitor.right
        needed = right_for(request.method, path)
        if not right.includes(needed):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                f"this needs the right {needed}, and yours is {right}.",
                kind="forbidden",
                remedy=f"Use a token with the right {needed} (`rota token create`).",
            )

    def visitor(self, request: Request) -> Visitor | None:
        """Return who asks, None for somebody unknown."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme:
            return self._bearer(secret.strip()) if scheme.lower() == "bearer" else None
        if (cookie := request.cookies.get(COOKIE)) and (visitor := self._session(cookie)):
            return visitor
        if self._manager.config.manager.access == "local" and not self._is_closed():
            return Visitor("", Right.ADMIN) if is_local(request) else None
        return None

    def knows(self, request: Request) -> bool:
        """Say whether this is somebody who may read, or this machine; asked where the ledger may
        be away, which then tells nobody apart."""
        if RIGHT in request.scope or is_local(request):
            return True
        with suppress(LedgerError):
            return self.visitor(request) is not None
        return False

    def begin_session(self, secret: str) -> str | None:
        """Return the cookie of a new session for a token's or a code's secret, None where it is
        not taken; a code is spent by that."""
        token = self._manager.spend(secret)
        if token is None:
            return None
        return self._manager.begin_session(token, SESSION)

    def end_session(self, cookie: str) -> None:
        """End the session of a cookie at once, for every server; raises LedgerError."""
        self._seen.pop(digest(cookie), None)
        self._manager.end_session(cookie)

    def _bearer(self, secret: str) -> Visitor | None:
        token, now = self._find(id_in(secret) or ""), self._manager.services.clock.now()
        if token is None or token.once or not token.fits(secret) or not token.is_valid(now):
            return None
        return Visitor(token.name, token.right)

    def _session(self, cookie: str) -> Visitor | None:
        """Look it up, each time: who has signed out, wherever that was, is out."""
        if len(cookie) > _LONGEST_COOKIE:
            return None
        key, clock = digest(cookie), self._manager.services.clock
        try:
            token = self._manager.session(cookie)
        except LedgerError:
            read_at, token = self._seen.get(key, (-AWAY, None))
            if token is None or clock.monotonic() > read_at + AWAY or not token.keeps(clock.now()):
                raise
        else:
            self._note(key, token, clock.monotonic())
        return None if token is None else Visitor(token.name, token.right)

    def _note(self, key: str, token: Token | None, now: float) -> None:
        with self._lock:
            self._seen.pop(key, None)
            if token is not None:
                self._seen[key] = (now, token)
                while len(self._seen) > _MOST_SEEN:
                    del self._seen[next(iter(self._seen))]

    def _is_closed(self) -> bool:
        """Say whether there is a token, be it expired or revoked: none opens the door by ending."""
        return any(not token.once for token in self._known().values())

    def _find(self, token_id: str) -> Token | None:
        """Return a token; one that was not there a moment ago may be new."""
        if not token_id:
            return None
        return self._known().get(token_id) or self._known(0).get(token_id)

    def _known(self, age: float = KNOWN) -> Mapping[str, Token]:
        """Return the tokens by id, as of so many seconds ago at most, or as they were last read
        where the ledger is away; raises LedgerError where they never were."""
        patience = -1 if self._tokens is None else 0 if age else KNOWN
        if not self._lock.acquire(timeout=patience):
            return self._tokens or {}  # another thread reads them right now
        try:
            now = self._manager.services.clock.monotonic()
            if self._tokens is None:
                self._tokens = self._read()
            elif now >= self._read_at + age:
                with suppress(LedgerError):
                    self._tokens = self._read()
            else:
                return self._tokens
            self._read_at = now
            return self._tokens
        finally:
            self._lock.release()

    def _read(self) -> Mapping[str, Token]:
        return {token.id: token for token in self._manager.tokens()}

    def _unknown(self, request: Request) -> Problem:
        if "authorization" in request.headers:
            what = "this token is unknown, expired or revoked."
        elif sign := passed_on_by(request):
            what = f"{sign} tells that a proxy passed this request on, so anybody may be asking."
        else:
            what = "who are you?"
        return Problem(
            HTTPStatus.UNAUTHORIZED,
            what,
            kind="unauthorized",
            remedy="Send `Authorization: Bearer` with a token of `rota token create`, or open the"
            " pages with the link of `rota token link`.",
        )


def right_for(method: str, path: str) -> Right:
    """Return the right that a request needs."""
    if method in READING:
        return Right.READ
    if method == "POST" and not _MADE_BY_ADMINS.fullmatch(path):
        return Right.OPERATE
    return Right.ADMIN


def is_local(request: Request) -> bool:
    """Say whether the request comes from this machine, by a name of this machine, and not by way
    of a proxy."""
    try:
        client = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    named = host_name(request.headers.get("host", "")) in LOCAL_HOSTS
    return client.is_loopback and named and not passed_on_by(request)
