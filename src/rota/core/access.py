"""Rights, and the tokens that carry them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum

from rota.core.time import Instant

LONGEST_NAME = 200

_UNSEEN = frozenset(
    chr(code)
    for code in (
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        *(*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
    )
)
"""Letters and marks that show nothing, in addition to those that Python calls not printable."""

BYTES = 32
"""Random bytes of a secret: 256 bit, so that a fast hash of it cannot be tried out."""

PREFIX = "rota"
"""The beginning of every secret, so that scanners of code and logs can find a leaked one."""


class Right(StrEnum):
    """What a token allows; each includes those before it."""

    READ = "read"
    OPERATE = "operate"  # run, retry, cancel, pause, resume, skip
    ADMIN = "admin"  # create, change and remove tasks; tokens

    def includes(self, other: Right) -> bool:
        """Return whether a holder of this right may do what needs the other right."""
        order = list(Right)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the ledger keeps it: without its secret.

    The code of a link is a token too. It can be spent `once`, and begins a session of the pages.
    """

    id: str
    name: str
    right: Right
    digest: str  # SHA-256 of the secret, hexadecimal
    once: bool
    created_at: Instant
    expires_at: Instant | None
    spent_at: Instant | None = None
    revoked_at: Instant | None = None

    def is_valid(self, now: Instant) -> bool:
        """Return whether the token's secret is accepted at this instant."""
        expired = self.expires_at is not None and now >= self.expires_at
        return not expired and self.revoked_at is None and self.spent_at is None

    def keeps(self, now: Instant) -> bool:
        """Return whether a session that the token began is still valid."""
        if self.once:
            return self.revoked_at is None and self.spent_at is not None
        return self.is_valid(now)

    def fits(self, secret: str) -> bool:
        """Return whether this is the token's secret; the time taken does not reveal how much of it
        fits.
        """
        return hmac.compare_digest(self.digest, digest(secret))


@dataclass(frozen=True, slots=True)
class Session:
    """The session of a signed-in browser, as the ledger keeps it: without its secret, which only
    the cookie holds.
    """

    digest: str  # SHA-256 of the secret, hexadecimal
    token_id: str  # the token that began the session; when the token ends, the session ends
    created_at: Instant
    expires_at: Instant


def new_session_secret() -> str:
    """Return a new secret for a session's cookie."""
    return secrets.token_urlsafe(BYTES)


def is_plain(name: str) -> bool:
    """Return whether a name is what it looks like. It has no control characters, nothing invisible,
    nothing that turns the direction of the text after it, and no blanks but spaces within it.
    """
    return name.isprintable() and name == name.strip() and not _UNSEEN.intersection(name)


def new_secret(token_id: str) -> str:
    """Return a new secret of a token: `rota_<id>_<43 characters>`."""
    return f"{PREFIX}_{token_id}_{secrets.token_urlsafe(BYTES)}"


def id_in(secret: str) -> str | None:
    """Return the id of the token that a secret claims to belong to; None if the text is not a
    secret.
    """
    prefix, _, rest = secret.partition("_")
    token_id, mark, _ = rest.partition("_")
    return token_id if prefix == PREFIX and mark else None


def digest(secret: str) -> str:
    """Return the form in which a secret is kept: its SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()
