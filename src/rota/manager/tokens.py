"""The verbs of tokens: create, list, spend and revoke them."""

from __future__ import annotations

from dataclasses import dataclass

from rota.core.access import (
    LONGEST_NAME,
    Right,
    Session,
    Token,
    digest,
    id_in,
    is_plain,
    new_secret,
    new_session_secret,
)
from rota.core.ids import RunIds
from rota.core.time import DAY, SECOND, seconds
from rota.errors import StateError
from rota.manager.base import ManagerBase
from rota.task_api.actor import actor

CODE_SECONDS = 600.0
"""How long the code of a link can be spent, in seconds."""
MOST_DAYS = 36_500
"""The longest life of a token, in days; a token without end is created as such."""

_DAY = DAY / SECOND
_ids = RunIds()


@dataclass(frozen=True, slots=True)
class Granted:
    """A new token with its secret, which is shown once and kept nowhere."""

    token: Token
    secret: str


class TokenVerbs(ManagerBase):
    """The verbs of tokens and sessions."""

    def create_token(
        self, name: str, right: Right | str, *, lifetime: float | None = None
    ) -> Granted:
        """Create a token; `lifetime` in seconds, None for a token without end.

        Raises StateError for a name that a valid token has, or that is empty, and for a lifetime
        that is none, ValueError for an unknown right.
        """
        if not name.strip():
            raise StateError("a token needs a name.", remedy="Name who or what will use it.")
        if lifetime is not None and not 0 < lifetime <= MOST_DAYS * _DAY:  # not a number: neither
            raise StateError(
                f"it cannot last {lifetime / _DAY:g} days.",
                where=f"token {name.strip()!r}",
                remedy=f"Give it {MOST_DAYS:,} days at most, or no limit at all.",
            )
        return self._grant(name.strip(), Right(right), lifetime, once=False)

    def create_code(self, name: str, right: Right | str = Right.ADMIN) -> Granted:
        """Create the code of a link to the pages: it can be spent once, within ten minutes, and the
        session that it begins has this right.
        """
        return self._grant(name, Right(right), CODE_SECONDS, once=True)

    def tokens(self) -> list[Token]:
        """Return every token there ever was, oldest first, the codes of links included."""
        return self.history.tokens()

    def revoke_token(self, name: str, *, reason: str = "") -> None:
        """Revoke the token of a name, or the session of a link, at once; raises StateError if there
        is none.
        """
        now, by = self._now(), actor()
        if not self._write(lambda tx: tx.revoke_token(name, now, reason=reason, by=by)):
            raise StateError(
                f"No valid token has the name {name!r}.", remedy="`rota token ls` lists them."
            )

    def spend(self, secret: str) -> Token | None:
        """Return the token of a secret; None if the secret is not accepted. A code is spent."""
        now, wanted = self._now(), id_in(secret)
        token = next((one for one in self.history.tokens() if one.id == wanted), None)
        if token is None or not token.fits(secret) or not token.is_valid(now):
            return None
        if token.once and not self._write(lambda tx: tx.spend_token(token.id, now)):
            return None
        return token

    def begin_session(self, token: Token, lifetime: float) -> str:
        """Record that a browser signed in with a token, for so many seconds; returns the value for
        its cookie, which is kept nowhere.
        """
        now, secret = self._now(), new_session_secret()
        session = Session(digest(secret), token.id, now, now + seconds(lifetime))
        self._write(lambda tx: tx.add_session(session))
        return secret

    def session(self, secret: str) -> Token | None:
        """Return the token of a valid session; None for any other; raises LedgerError."""
        now = self._now()
        token = self.history.session(digest(secret), now)
        return token if token is not None and token.keeps(now) else None

    def end_session(self, secret: str) -> None:
        """End a session at once, on every node."""
        now = self._now()
        self._write(lambda tx: tx.end_session(digest(secret), now))

    def _grant(self, name: str, right: Right, lifetime: float | None, *, once: bool) -> Granted:
        if len(name) > LONGEST_NAME or not is_plain(name):
            raise StateError(
                "the name holds characters that cannot be seen, or is too long.",
                where=f"token {name[:LONGEST_NAME]!a}",
                remedy=f"Write at most {LONGEST_NAME} letters, digits, signs and spaces.",
            )
        now, by = self._now(), actor()
        token_id = _ids.new(now).lower()
        secret = new_secret(token_id)
        token = Token(
            id=token_id,
            name=name,
            right=right,
            digest=digest(secret),
            once=once,
            created_at=now,
            expires_at=None if lifetime is None else now + seconds(lifetime),
        )
        self._write(lambda tx: tx.add_token(token, by=by))
        return Granted(token, secret)
