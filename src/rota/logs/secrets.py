"""Keeping passwords out of the logs."""

from __future__ import annotations

import re

MASK = "***"

_WORDS = r"(?:password|passwd|passphrase|secret|token(?!s)|api[_-]?key)[\w-]{0,40}"
_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s,;&"')\]}]+)"""
_PAIR = re.compile(rf"({_WORDS}(?:\s?=\s?|['\"]\s?:\s?)){_VALUE}", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)[^\s/?#]{1,300}@")


def mask(text: str) -> str:
    """Replace the values of `password=…`, `"api_key": …` and the like, and URL user information.

    A key counts when it holds password, passwd, passphrase, secret, token or api_key.
    """
    return _PAIR.sub(rf"\1{MASK}", _USER_INFO.sub(f"{MASK}@", text))
