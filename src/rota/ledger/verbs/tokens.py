"""The statements and verbs of tokens and sessions; no row has a secret, so none can leak."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from rota.core.access import Right, Token
from rota.core.audit import Actor, Verb
from rota.core.ports.records import Damage
from rota.core.time import Instant, to_iso
from rota.errors import StateError
from rota.ledger.schema.access_tables import sessions, tokens
from rota.ledger.sql.soundness import FLAG, INSTANT, TEXT, ColumnForm, Note, found, maybe, words
from rota.ledger.sql.statement import Statement, all_of, in_each
from rota.ledger.verbs import audit as audit_verbs

COLUMNS = tuple(tokens.c[field.name] for field in fields(Token))
_now: BindParameter[Any] = bindparam("now")

TOKENS = Statement(all_of(select(*COLUMNS).order_by(tokens.c.id)))
"""Every token, oldest first."""

INSERT_TOKEN = in_each(
    lambda insert: (
        insert(tokens)
        .values({column.name: bindparam(column.name) for column in COLUMNS})
        .on_conflict_do_nothing()
    )
)
"""Write a token, unless a valid one has its name."""

SPEND_TOKEN = Statement(
    update(tokens)
    .where(
        tokens.c.id == bindparam("token_id"),
        tokens.c.once,
        tokens.c.spent_at.is_(None),
        tokens.c.revoked_at.is_(None),
        tokens.c.expires_at > _now,
    )
    .values(spent_at=_now)
)
"""Spend a code that can be spent."""

REVOKE_TOKENS = Statement(
    update(tokens)
    .where(
        tokens.c.name == bindparam("called"),
        tokens.c.revoked_at.is_(None),
        or_(not_(tokens.c.once), tokens.c.spent_at.is_not(None)),
    )
    .values(revoked_at=_now)
)
"""Revoke what has this name, the sessions that a code began included."""

_last = select(func.coalesce(func.max(tokens.c.id), "")).where(not_(tokens.c.once))

DELETE_OLD = Statement(
    delete(tokens).where(
        tokens.c.id != _last.scalar_subquery(),
        or_(
            tokens.c.revoked_at < bindparam("before"),
            and_(
                tokens.c.once,
                tokens.c.spent_at.is_(None),
                tokens.c.expires_at < bindparam("before"),
            ),
        ),
    )
)
"""Delete tokens revoked before, and codes that were not spent; not the last token: once a token
exists, anonymous access stays disabled.
"""

INSERT_SESSION = Statement(
    insert(sessions).values({column.name: bindparam(column.name) for column in sessions.c})
)

SESSION = Statement(
    all_of(
        select(*COLUMNS).where(
            sessions.c.digest == bindparam("digest"),
            sessions.c.expires_at > _now,
            tokens.c.id == sessions.c.token_id,
        )
    )
)
"""The token that began a session."""

REVOKE_CODE = Statement(
    update(tokens)
    .where(
        tokens.c.once,
        tokens.c.revoked_at.is_(None),
        tokens.c.id
        == select(sessions.c.token_id)
        .where(sessions.c.digest == bindparam("digest"))
        .scalar_subquery(),
    )
    .values(revoked_at=_now)
)
"""Revoke the code that began a session: it can begin no other."""

END_SESSION = Statement(delete(sessions).where(sessions.c.digest == bindparam("digest")))

DELETE_ENDED = Statement(delete(sessions).where(sessions.c.expires_at < bindparam("before")))


def add(connection: Connection, token: Token, by: Actor) -> None:
    """Write a token; raises StateError if a valid token has its name."""
    if not INSERT_TOKEN.count(connection, **asdict(token)):
        raise StateError(
            f"There is a token {token.name!r} already.",
            remedy="Give it another name, or revoke that one first.",
        )
    after = {
        "name": token.name,
        "right": token.right,
        "expires": None if token.expires_at is None else to_iso(token.expires_at),
        "once": token.once,
    }
    audit_verbs.note(
        connection, token.created_at, by, [audit_verbs.AuditEntry(Verb.GRANT, after=after)]
    )


def revoke(connection: Connection, name: str, now: Instant, reason: str, by: Actor) -> int:
    """Revoke the token of a name; returns how many there were."""
    count = REVOKE_TOKENS.count(connection, called=name, now=now)
    if count:
        entry = audit_verbs.AuditEntry(Verb.REVOKE, reason=reason, before={"name": name})
        audit_verbs.note(connection, now, by, [entry])
    return count


def end_session(connection: Connection, digest: str, now: Instant) -> bool:
    """Delete a session; returns False if there is none."""
    REVOKE_CODE(connection, digest=digest, now=now)
    return END_SESSION.count(connection, digest=digest) == 1


_FORM = ColumnForm(
    "tokens",
    {
        "id": TEXT,
        "name": TEXT,
        "right": words(Right, Right.READ),
        "digest": TEXT,
        "once": FLAG,
        "created_at": INSTANT,
        "expires_at": maybe(INSTANT, 0),
        "spent_at": maybe(INSTANT, 0),
        "revoked_at": maybe(INSTANT, 0),
    },
    key=("id",),
)


def token_of(row: Any, note: Note = found.add) -> Token:
    """Return a row of TOKENS as a token; a damaged one gives no access."""
    damages: list[Damage] = []
    token = Token(*_FORM.read(row, note=damages.append))
    for damage in damages:
        note(damage)
    return replace(token, revoked_at=token.revoked_at or 0) if damages else token
