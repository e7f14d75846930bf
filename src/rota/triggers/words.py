from __future__ import annotations

from collections.abc import Mapping


def describe(trigger: str, trigger_args: Mapping[str, object], *, timezone: str = "UTC") -> str:
    return ""
