"""Who may do what: rights, and the tokens that carry them."""

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
"""Letters and marks that show nothing, beside what Python says of its own cannot be printed."""

BYTES = 32
"""Random bytes of a secret: 256 bit, so that a fast hash of it cannot be tried out."""

PREFIX = "rota"
"""With what every secret begins, so that scanners of code and logs can find a leaked one."""


class Right(StrEnum):
    """What a token allows; each includes those before it."""

    READ = "read"
    OPERATE = "operate"  # run, retry, cancel, pause, resume, skip
    ADMIN = "admin"  # create, change and remove tasks; tokens

    def includes(self, other: Right) -> bool:
        """Say whether who has this right may do what needs the other."""
        order = list(Right)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the ledger keeps it: without its secret.

    A link's code is a token too, one that can be spent `once`, for a session of the pages.
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
        """Say whether its secret is taken at this instant."""
        expired = self.expires_at is not None and now >= self.expires_at
        return not expired and self.revoked_at is None and self.spent_at is None

    def keeps(self, now: Instant) -> bool:
        """Say whether a session that it began goes on."""
        if self.once:
            return self.revoked_at is None and self.spent_at is not None
        return self.is_valid(now)

    def fits(self, secret: str) -> bool:
        """Say whether this is its secret, in a time that says nothing of how wrong it is."""
        return hmac.compare_digest(self.digest, digest(secret))


@dataclass(frozen=True, slots=True)
class Session:
    """What a browser has that signed in, as the ledger keeps it: without its secret, which only the
    cookie holds."""

    digest: str  # SHA-256 of the secret, hexadecimal
    token_id: str  # with which it was begun, and with which it ends
    created_at: Instant
    expires_at: Instant


def new_session_secret() -> str:
    """Make what a session's cookie holds."""
    return secrets.token_urlsafe(BYTES)


def is_plain(name: str) -> bool:
    """Say whether a name is what it looks like: no control characters, nothing that cannot be seen
    or turns the direction of what follows, no blanks but spaces within it."""
    return name.isprintable() and name == name.strip() and not _UNSEEN.intersection(name)


def new_secret(token_id: str) -> str:
    """Make the secret of a token: `rota_<id>_<43 characters>`."""
    return f"{PREFIX}_{token_id}_{secrets.token_urlsafe(BYTES)}"


def id_in(secret: str) -> str | None:
    """Return the id of the token that a secret claims to be of, None for what is no secret."""
    prefix, _, rest = secret.partition("_")
    token_id, mark, _ = rest.partition("_")
    return token_id if prefix == PREFIX and mark else None


def digest(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
