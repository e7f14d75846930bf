"""How settings, arguments and texts are redacted: passwords and URL user information are never
shown.

Every pattern here meets untrusted data. Each character is looked at a bounded number of times: a
repetition gives nothing back, and none begins at a place that another one has passed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

MASK = "***"

LONGEST = 128 * 1024
"""Characters of one text that are looked at and shown; the rest is left out, and said to be."""

MOST = 5_000
"""Entries of one value that are looked at and shown, at any depth."""

_USER_INFO = re.compile(r"(?<=[^/]//)([^/\s]\S*+)")  # to the last @: passwords hold any character
_PARAMETER = re.compile(
    r"(?<=[?&;])(?:(?!passw|secret|token|key)\w)*+(?:passw|secret|token|key)\w*+=([^&;\s]*+)"
)

_SECRET_WORDS = ("passw", "passphrase", "secret", "token", "credential")
_SECRET_PAIRS = ("apikey", "api_key", "privatekey", "private_key")

_WORDS = r"(?:password|passwd|passphrase|secret|token(?!s)|api[_-]?key|access[_-]?key)[\w-]{0,40}+"
_VALUE = r"""(?:"[^"]*+"|'[^']*+'|"[^"\n]*+|'[^'\n]*+|[^\s,;&"')\]}]++)"""
_PAIR = re.compile(rf"{_WORDS}(?:\s?=\s?|['\"]\s?:\s?)({_VALUE})")
_AUTHORIZATION = re.compile(r"\bauthorization['\"]?\s?[:=]\s?['\"]?(?:\w{1,20} )?([^\s'\"]++)")
_USER_IN_URL = re.compile(r"(?<=://)[^\s/?#]{1,300}@")
_BEGUN = re.compile(
    r"(?:(?<=://)[^\s/?#@:]{0,300}:(?!\d{0,5}\Z)[^\s/?#@]{0,300}"
    r"|\brota_[0-9a-z]{1,26}(?:_[\w-]{0,43})?)\Z"
)
_OURS = re.compile(r"\brota_[0-9a-z]{26}_[\w-]{43}")


def redact_url(url: str) -> str:
    """Return `url` with `***` for the user information before its host and secret parameters."""
    url = cut(url)
    if "//" in url and "@" in url:
        url = _USER_INFO.sub(_without_user, url)
    return _hidden(_PARAMETER, url) if "=" in url else url


def redact_text(text: str) -> str:
    """Return a text that code logged, printed or raised, with `***` for the values of
    `password=…`, `"api_key": …` and the like, user information in URLs, `Authorization: …`, and
    tokens of ours. A key counts when it holds password, passwd, passphrase, secret, token,
    api_key or access_key.
    """
    text = cut(text)
    if "://" in text and "@" in text:
        text = _USER_IN_URL.sub(f"{MASK}@", text)
    if "=" in text or ":" in text:
        text = _hidden(_AUTHORIZATION, _hidden(_PAIR, text))
    return _OURS.sub(MASK, text)


def redact_unfinished(text: str) -> str:
    """Return what `redact_text` does, with `***` also for what may be the beginning of a secret at
    the end: user information whose host is still to come, a part of a token of ours. What follows a
    colon there is a port if it is up to five digits.
    """
    if "://" in text or "rota_" in text:
        text = _BEGUN.sub(MASK, text)
    return redact_text(text)


def cut(text: str, longest: int = LONGEST) -> str:
    """Return the beginning of a text that is longer, and how many characters it has."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text):,} characters)"


def is_secret(key: str) -> bool:
    """Return whether a setting of this name holds a value that must not be shown."""
    low = _lower(key)
    if any(word in low for word in _SECRET_WORDS) or any(word in low for word in _SECRET_PAIRS):
        return True
    key, low = key.removesuffix("\n"), low.removesuffix("\n")
    if low == "key" or low.endswith(("_key", "-key")):
        return True
    return key.endswith("Key") and "a" <= key[-4:-3] <= "z"


def redact_value(key: str, value: Any) -> Any:
    """Return `value` of the setting `key` as it may be printed: masked at any depth, with its first
    five thousand entries and 131,072 characters. So every page, answer, command and stream writes
    what a task was given, returned, noted, or was changed to.
    """
    return _Redaction().value(key, is_secret(key), value)


class _Redaction:
    """The redaction of one value, until enough of it was written."""

    def __init__(self) -> None:
        self._entries = MOST
        self._characters = LONGEST

    def value(self, key: str, secret: bool, value: Any) -> Any:
        """Show a part; `secret`: it is in what `key` says is one, whatever its own name."""
        if isinstance(value, dict):
            return self._dict(key, secret, value)
        if isinstance(value, list | tuple):
            return self._list(key, secret, value)
        if value is not None and secret:
            return MASK
        if not isinstance(value, str):
            return value
        return _scheme(value) if key == "apprise_urls" else self._text(value)

    def _dict(self, key: str, secret: bool, whole: dict[Any, Any]) -> dict[str, Any]:
        parts: dict[str, Any] = {}
        for name, inner in whole.items():
            if self._is_enough():
                parts["…"] = f"({len(whole) - len(parts):,} more)"
                break
            text = str(name)
            kept = self._text(text)  # before its value, which may leave no room for it
            if secret:
                parts[kept] = self.value(key, True, inner)
            else:
                parts[kept] = self.value(text, is_secret(text), inner)
        return parts

    def _list(self, key: str, secret: bool, whole: Sequence[Any]) -> list[Any]:
        parts: list[Any] = []
        for inner in whole:
            if self._is_enough():
                parts.append(f"… ({len(whole) - len(parts):,} more)")
                break
            parts.append(self.value(key, secret, inner))
        return parts

    def _is_enough(self) -> bool:
        self._entries -= 1
        return self._entries < 0 or self._characters <= 0

    def _text(self, text: str) -> str:
        kept = cut(text, max(self._characters, 0))
        self._characters -= len(kept)
        return redact_text(redact_url(kept))


def _hidden(pattern: re.Pattern[str], text: str) -> str:
    """Put `***` in place of what the pattern's group holds; its letters match in any case."""
    low = _lower(text)
    parts: list[str] = []
    end = 0
    for found in pattern.finditer(low):
        first, last = found.span(1)
        parts += text[end:first], MASK
        end = last
    return "".join((*parts, text[end:])) if parts else text


def _lower(text: str) -> str:
    """Return `text` in small letters, each in its place: one of Unicode becomes two elsewhere."""
    if not text.isascii():  # the three that count as the letters i and s, whatever the case
        text = text.replace("İ", "i").replace("ı", "i").replace("ſ", "s")
    return text.lower()


def _without_user(found: re.Match[str]) -> str:
    last = found[1].rfind("@", 1)
    return f"{MASK}{found[1][last:]}" if last > 0 else found[1]


def _scheme(url: str) -> str:
    """Keep of an Apprise URL what service it names: it carries its tokens as host and path."""
    scheme, mark, _ = url.partition("://")
    return f"{scheme}{mark}{MASK}" if mark else MASK
