"""What the mask hides, and what it leaves readable."""

from __future__ import annotations

import pytest

from rota.logs import mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password=abc", "password=***"),
        ("db_password = abc, next=1", "db_password = ***, next=1"),
        ("PASSWORD='a b' x", "PASSWORD=*** x"),
        ("{'api_key': 'abc', \"secret\": \"d\"}", "{'api_key': ***, \"secret\": ***}"),
        ("?access_token=abc&page=2", "?access_token=***&page=2"),
        ("redis://:pw@host:6379/0", "redis://***@host:6379/0"),
        ("https://user:pw@host/a@b", "https://***@host/a@b"),
    ],
)
def test_secrets_are_hidden(text: str, masked: str) -> None:
    assert mask(text) == masked


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
    assert mask(text) == text


def test_a_long_message_is_quick() -> None:
    assert mask("a" * 1_000_000 + "://" * 100_000).startswith("aaa")
