"""What may be shown of settings, arguments and texts: passwords and URL user information never."""

from __future__ import annotations

import re
from typing import Any

MASK = "***"

_USER_INFO = re.compile(r"(?<=[^/]//)[^/\s]\S*@")  # to the last @: passwords hold any character
_PARAMETER = re.compile(r"(?<=[?&;])(\w*(?:passw|secret|token|key)\w*)=[^&;\s]*", re.I)
_SECRET_NAME = re.compile(
    r"passw|passphrase|secret|token|api_?key|credential|private_?key|(?:^|[_-])key$|(?-i:[a-z]Key$)",
    re.I,
)

_WORDS = r"(?:password|passwd|passphrase|secret|token(?!s)|api[_-]?key|access[_-]?key)[\w-]{0,40}"
_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s,;&"')\]}]+)"""
_PAIR = re.compile(rf"({_WORDS}(?:\s?=\s?|['\"]\s?:\s?)){_VALUE}", re.I)
_AUTHORIZATION = re.compile(r"\b(authorization['\"]?\s?[:=]\s?['\"]?(?:\w{1,20} )?)[^\s'\"]+", re.I)
_SAID_IN_URL = re.compile(r"(?<=://)[^\s/?#]{1,300}@")
_OURS = re.compile(r"\brota_[0-9a-z]{26}_[\w-]{43}")


def masked(url: str) -> str:
    """Return `url` with `***` for the user information before its host and secret parameters."""
    return _PARAMETER.sub(rf"\1={MASK}", _USER_INFO.sub(f"{MASK}@", url))


def said(text: str) -> str:
    """Return a text that code logged, printed or raised, with `***` for the values of
    `password=…`, `"api_key": …` and the like, user information in URLs, `Authorization: …`, and
    tokens of ours. A key counts when it holds password, passwd, passphrase, secret, token,
    api_key or access_key.
    """
    text = _PAIR.sub(rf"\1{MASK}", _SAID_IN_URL.sub(f"{MASK}@", text))
    return _OURS.sub(MASK, _AUTHORIZATION.sub(rf"\1{MASK}", text))


def is_secret(key: str) -> bool:
    """Say whether a setting of this name holds something that must not be shown."""
    return _SECRET_NAME.search(key) is not None


def shown(key: str, value: Any) -> Any:
    """Return `value` of the setting `key` as it may be printed, masked at any depth."""
    if isinstance(value, dict):
        return {
            name: shown(key if is_secret(key) else str(name), inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [shown(key, inner) for inner in value]
    if value is not None and is_secret(key):
        return MASK
    if not isinstance(value, str):
        return value
    return _scheme(value) if key == "notify" else masked(value)


def _scheme(url: str) -> str:
    """Keep of an Apprise URL what service it names: it carries its tokens as host and path."""
    scheme, mark, _ = url.partition("://")
    return f"{scheme}{mark}{MASK}" if mark else MASK
