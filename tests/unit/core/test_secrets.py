"""What is hidden of what code says, and what it leaves readable."""

from __future__ import annotations

import time

import pytest

from rota.core.access import new_secret
from rota.core.outcome import failure
from rota.core.secrets import MASK, redact_text, redact_value

SECRET = "hunter2-"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password=abc", "password=***"),
        ("db_password = abc, next=1", "db_password = ***, next=1"),
        ("PASSWORD='a b' x", "PASSWORD=*** x"),
        ('password="cut off\nnext', "password=***\nnext"),
        ("{'api_key': 'abc', \"secret\": \"d\"}", "{'api_key': ***, \"secret\": ***}"),
        ("?access_token=abc&page=2", "?access_token=***&page=2"),
        ("redis://:pw@host:6379/0", "redis://***@host:6379/0"),
        ("https://user:pw@host/a@b", "https://***@host/a@b"),
    ],
)
def test_secrets_are_hidden(text: str, masked: str) -> None:
    assert redact_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=100",
        "the password was wrong",
        "Password: see the manual",
        "https://host/path?mail=a@b",
        "key=value",
    ],
)
def test_the_rest_stays_readable(text: str) -> None:
    assert redact_text(text) == text


def test_a_long_message_is_quick() -> None:
    assert redact_text("a" * 1_000_000 + "://" * 100_000).startswith("aaa")


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2-",
        "PASSWD='hunter2- with blanks'",
        '{"api_key": "hunter2-", "n": 1}',
        "{'aws_secret_access_key': 'hunter2-'}",
        "Authorization: Bearer hunter2-",
        "authorization: Basic hunter2-",
        "access_token=hunter2-&page=2",
        "GET https://ada:hunter2-@db.example/x",
        "postgresql://ada:hunter2-@db/books?sslmode=require",
        "client-secret = hunter2-",
    ],
)
def test_a_secret_is_masked(text: str) -> None:
    assert SECRET not in redact_text(text)
    assert MASK in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sent 3 tokens; max_tokens=512",
        "the secret of success",
        "https://example.org/a@b",
        "keyboard: qwerty",
        "bearer of news",
        "monkey: see",
        "mail to ann@example.org",
        "passwordless login\npassword:\nnext line",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text


def test_a_token_of_ours_is_masked_wherever_it_stands() -> None:
    secret = new_secret("01h9zzzzzzzzzzzzzzzzzzzzzz")
    assert redact_text(f"sent {secret} to them") == f"sent {MASK} to them"


def test_an_exception_keeps_none() -> None:
    try:
        raise ConnectionError("no answer from redis://:hunter2-@cache:6379/0")
    except ConnectionError as error:
        outcome = failure(error)
    assert SECRET not in f"{outcome.error}{outcome.error_types}"
    assert "redis://***@cache" in (outcome.error or "")
    assert outcome.traceback is not None
    assert "redis://***@cache" in outcome.traceback


@pytest.mark.parametrize(
    "part", ["://a", "a-", "token", "key=", "password", "secret_", "://", "?key&", "rota_", "\\\"'"]
)
def test_no_text_takes_long(part: str) -> None:
    text = f"key {part * 200_000}"[:1_000_000]
    began = time.perf_counter()
    redact_text(text)
    assert time.perf_counter() - began < 5  # quadratic would be minutes


def test_the_name_of_a_long_value_is_shown_whole() -> None:
    long = "y" * 1_000_000
    [name] = redact_value("arguments", {"x": long})
    assert name == "x"
    assert list(redact_value("arguments", {"password": long, "after": 1})) == ["password", "after"]
