"""Tokens: what is kept of them, and who of several may spend a code."""

from __future__ import annotations

import pytest

from rota.core.access import Right, Session, Token, digest, id_in, new_secret, new_session_secret
from rota.core.audit import Actor, Face, Verb
from rota.core.time import SECOND
from rota.errors import StateError
from tests.conformance.ledger.desk import NOON, Desk


def token(id: str, name: str = "", **changes: object) -> Token:
    values = {"once": False, "expires_at": None, **changes}
    return Token(id, name or id, Right.OPERATE, digest(new_secret(id)), created_at=NOON, **values)  # type: ignore[arg-type]


def valid(desk: Desk) -> list[str]:
    return [one.id for one in desk.history.tokens() if one.is_valid(desk.now)]


def test_a_token_comes_back_as_it_was_written(desk: Desk) -> None:
    first, second = token("a"), token("b", once=True, expires_at=NOON + 1)
    desk.do(lambda tx: tx.add_token(second))
    desk.do(lambda tx: tx.add_token(first))
    assert desk.history.tokens() == [first, second]


def test_of_two_valid_tokens_of_one_name_the_second_is_refused(desk: Desk) -> None:
    desk.do(lambda tx: tx.add_token(token("a", "ci")))
    with pytest.raises(StateError, match=r"already.*revoke"):
        desk.do(lambda tx: tx.add_token(token("b", "ci")))
    assert desk.do(lambda tx: tx.revoke_token("ci", desk.now)) == 1
    desk.do(lambda tx: tx.add_token(token("c", "ci")))
    assert valid(desk) == ["c"]


def test_a_code_is_spent_once_and_in_time(desk: Desk) -> None:
    for id in "ab":
        desk.do(lambda tx, id=id: tx.add_token(token(id, "x", once=True, expires_at=NOON + SECOND)))  # type: ignore[misc]
    assert desk.do(lambda tx: tx.spend_token("a", NOON))
    assert not desk.do(lambda tx: tx.spend_token("a", NOON))
    assert not desk.do(lambda tx: tx.spend_token("b", NOON + SECOND))
    assert not desk.do(lambda tx: tx.spend_token("never", NOON))
    spent, unspent = desk.history.tokens()
    assert spent.keeps(NOON + 10**12)
    assert not unspent.keeps(NOON)
    assert desk.do(lambda tx: tx.revoke_token("x", NOON)) == 1
    assert not desk.history.tokens()[0].keeps(NOON)


def test_a_token_that_is_no_code_cannot_be_spent(desk: Desk) -> None:
    desk.do(lambda tx: tx.add_token(token("a", expires_at=NOON + SECOND)))
    assert not desk.do(lambda tx: tx.spend_token("a", NOON))


def test_what_is_granted_and_revoked_is_in_the_audit_without_its_secret(desk: Desk) -> None:
    ann, made = Actor(Face.CLI, "ann"), token("a", "ci")
    desk.do(lambda tx: tx.add_token(made, by=ann))
    desk.do(lambda tx: tx.revoke_token("ci", desk.now, reason="leaked", by=ann))
    revoked, granted = desk.history.audit().changes
    assert (granted.verb, granted.who) == (Verb.GRANT, "ann")
    assert granted.after == {"name": "ci", "right": "operate", "expires": None, "once": False}
    assert (revoked.verb, revoked.reason, revoked.before) == (
        Verb.REVOKE,
        "leaked",
        {"name": "ci"},
    )
    assert made.digest not in str(desk.history.audit())


def session(token_id: str, seconds: int = 60) -> Session:
    return Session(digest(new_session_secret()), token_id, NOON, NOON + seconds * SECOND)


def test_a_session_leads_to_its_token_until_its_end(desk: Desk) -> None:
    made, other, begun = token("a"), token("b"), session("a")
    for one in (made, other):
        desk.do(lambda tx, one=one: tx.add_token(one))  # type: ignore[misc]
    desk.do(lambda tx: tx.add_session(begun))
    assert desk.history.session(begun.digest, NOON) == made
    assert desk.history.session(begun.digest, begun.expires_at - 1) == made
    assert desk.history.session(begun.digest, begun.expires_at) is None
    assert desk.history.session(made.digest, NOON) is None
    assert desk.history.session("", NOON) is None


def test_a_session_that_was_ended_is_gone_and_no_other_is(desk: Desk) -> None:
    first, second = session("a"), session("a")
    desk.do(lambda tx: tx.add_token(token("a")))
    for one in (first, second):
        desk.do(lambda tx, one=one: tx.add_session(one))  # type: ignore[misc]
    assert desk.do(lambda tx: tx.end_session(first.digest, NOON))
    assert not desk.do(lambda tx: tx.end_session(first.digest, NOON))
    assert desk.history.session(first.digest, NOON) is None
    assert desk.history.session(second.digest, NOON) is not None
    assert valid(desk) == ["a"]


def test_with_its_session_the_code_of_a_link_ends(desk: Desk) -> None:
    begun = session("a")
    desk.do(lambda tx: tx.add_token(token("a", once=True, expires_at=NOON + SECOND)))
    desk.do(lambda tx: tx.spend_token("a", NOON))
    desk.do(lambda tx: tx.add_session(begun))
    assert desk.history.tokens()[0].keeps(NOON)
    desk.do(lambda tx: tx.end_session(begun.digest, NOON))
    assert not desk.history.tokens()[0].keeps(NOON)


def test_sessions_that_are_over_are_pruned(desk: Desk) -> None:
    short, long = session("a", 1), session("a", 60)
    desk.do(lambda tx: tx.add_token(token("a")))
    for one in (short, long):
        desk.do(lambda tx, one=one: tx.add_session(one))  # type: ignore[misc]
    desk.do(lambda tx: tx.prune(NOON + 2 * SECOND, 10))
    assert desk.history.session(short.digest, NOON) is None
    assert desk.history.session(long.digest, NOON) is not None


def test_old_codes_are_pruned_and_valid_tokens_stay(desk: Desk) -> None:
    desk.do(lambda tx: tx.add_token(token("a")))
    desk.do(lambda tx: tx.add_token(token("b", once=True, expires_at=NOON + SECOND)))
    desk.do(lambda tx: tx.add_token(token("c")))
    desk.do(lambda tx: tx.revoke_token("c", NOON))
    desk.do(lambda tx: tx.add_token(token("d")))
    desk.do(lambda tx: tx.prune(NOON + 2 * SECOND, 10))
    assert [one.id for one in desk.history.tokens()] == ["a", "d"]


def test_the_last_token_stays_when_it_is_revoked_for_it_keeps_the_door_closed(desk: Desk) -> None:
    desk.do(lambda tx: tx.add_token(token("a")))
    desk.do(lambda tx: tx.revoke_token("a", NOON))
    desk.do(lambda tx: tx.add_token(token("b")))
    desk.do(lambda tx: tx.revoke_token("b", NOON))
    desk.do(lambda tx: tx.add_token(token("c", once=True, expires_at=NOON + SECOND)))
    desk.do(lambda tx: tx.prune(NOON + 2 * SECOND, 10))
    assert [one.id for one in desk.history.tokens()] == ["b"]


def test_without_any_token_old_codes_are_pruned(desk: Desk) -> None:
    desk.do(lambda tx: tx.add_token(token("a", once=True, expires_at=NOON + SECOND)))
    desk.do(lambda tx: tx.spend_token("a", NOON))
    desk.do(lambda tx: tx.revoke_token("a", NOON))
    desk.do(lambda tx: tx.prune(NOON + 2 * SECOND, 10))
    assert desk.history.tokens() == []


def test_rights_include_those_before_them() -> None:
    assert Right.ADMIN.includes(Right.READ)
    assert Right.OPERATE.includes(Right.OPERATE)
    assert not Right.READ.includes(Right.OPERATE)


def test_a_secret_says_which_token_it_claims_to_be_of() -> None:
    secret = new_secret("01h")
    assert id_in(secret) == "01h"
    assert len(secret.split("_", 2)[2]) == 43
    for other in ("", "rota", "rota_x", "abc_01h_x", "é" * 1000):
        assert id_in(other) is None
