"""Authentication: tokens, session cookies, and this machine itself until a token exists."""

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
"""The key of the `Access` in the scope of an admitted request: a stream checks it again."""

COOKIE = "rota_session"
SESSION = 7 * 86_400
"""Seconds that a session lasts."""

_LONGEST_COOKIE = 100
"""Characters; the cookie of a session has 43."""

AWAY = 600.0
"""Seconds for which a session is accepted without the ledger: during an outage no user can sign
out."""

_MOST_SEEN = 1_000

KNOWN = 1.0
"""Seconds for which the tokens are cached, and so for which a revoked token still works."""

_OPEN = re.compile(r"/health/(live|ready)|/static/.*|/sign-(in|out)")
"""Paths that need no right: probes, the files of every page, signing in and out."""

_OPEN_HERE = frozenset({"/health", "/metrics"})
"""Paths that need no right on this machine: `rota health` and monitors read them."""

_MADE_BY_ADMINS = re.compile(r".*(/manager/tasks|/tokens|/tokens/revoke)")
"""Paths to which only an admin may post: new tasks, and tokens."""


class Visitor(NamedTuple):
    """The user or token of a request, and its right."""

    name: str
    right: Right


class Access:
    """The check that a request has the right that it needs."""

    def __init__(self, manager: TaskManager) -> None:
        self._manager = manager
        self._lock = threading.Lock()
        self._tokens: Mapping[str, Token] | None = None
        self._read_at = 0.0
        self._seen: dict[str, tuple[float, Token]] = {}  # by hash: when a session was last read

    def admit(self, request: Request) -> None:
        """Record the visitor in the scope of the request; raises Problem without the right.

        If the application's own middleware has set a right there, that right counts.
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
        """Return the visitor of a request; None if it is unknown. Raises LedgerError."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme:
            return self._bearer(secret.strip()) if scheme.lower() == "bearer" else None
        if (cookie := request.cookies.get(COOKIE)) and (visitor := self._session(cookie)):
            return visitor
        if self._manager.config.manager.access == "local" and not self._is_closed():
            return Visitor("", Right.ADMIN) if is_local(request) else None
        return None

    def knows(self, request: Request) -> bool:
        """Return whether the visitor may read, or is this machine.

        It is asked during ledger outages too: then a visitor who cannot be looked up is unknown.
        """
        if RIGHT in request.scope or is_local(request):
            return True
        with suppress(LedgerError):
            return self.visitor(request) is not None
        return False

    def begin_session(self, secret: str) -> str | None:
        """Return the cookie of a new session for the secret of a token or a code.

        Returns None if the secret is not accepted. A code can be used once.
        """
        token = self._manager.spend(secret)
        if token is None:
            return None
        return self._manager.begin_session(token, SESSION)

    def end_session(self, cookie: str) -> None:
        """End the session of a cookie at once, on all servers; raises LedgerError."""
        self._seen.pop(digest(cookie), None)
        self._manager.end_session(cookie)

    def _bearer(self, secret: str) -> Visitor | None:
        token, now = self._find(id_in(secret) or ""), self._manager.services.clock.now()
        if token is None or token.once or not token.fits(secret) or not token.is_valid(now):
            return None
        return Visitor(token.name, token.right)

    def _session(self, cookie: str) -> Visitor | None:
        """Return the visitor of a session; read each time: signing out on any server ends it."""
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
            self._remember(key, token, clock.monotonic())
        return None if token is None else Visitor(token.name, token.right)

    def _remember(self, key: str, token: Token | None, now: float) -> None:
        with self._lock:
            self._seen.pop(key, None)
            if token is not None:
                self._seen[key] = (now, token)
                while len(self._seen) > _MOST_SEEN:
                    del self._seen[next(iter(self._seen))]

    def _is_closed(self) -> bool:
        """Return whether a token exists, even an expired or revoked one.

        Once a token exists, anonymous access stays disabled.
        """
        return any(not token.once for token in self._known().values())

    def _find(self, token_id: str) -> Token | None:
        """Return a token; if it is unknown, the tokens are read again, since it may be new."""
        if not token_id:
            return None
        return self._known().get(token_id) or self._known(0).get(token_id)

    def _known(self, age: float = KNOWN) -> Mapping[str, Token]:
        """Return the tokens by id, read at most `age` seconds ago.

        During a ledger outage, the last ones read are returned; raises LedgerError if there are
        none.
        """
        patience = -1 if self._tokens is None else 0 if age else KNOWN
        if not self._lock.acquire(timeout=patience):
            return self._tokens or {}  # another thread is reading them
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
            what = (
                f"{sign} shows that a proxy passed this request on: any machine may have sent it."
            )
        else:
            what = "this needs a token or a session."
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
    """Return whether a request comes from this machine, to one of its local names, and directly.

    A request that a proxy on this machine passed on is not local.
    """
    try:
        client = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    named = host_name(request.headers.get("host", "")) in LOCAL_HOSTS
    return client.is_loopback and named and not passed_on_by(request)
