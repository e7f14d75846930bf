"""What of the environment concerns the configuration, where it is not in the environment.

Worker processes do not inherit it: whatever a task starts would, and it may hold passwords.
"""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Mapping

PREFIX = "XCORE_"

_handed: dict[str, str] = {}


def hand_over(variables: Mapping[str, str]) -> None:
    """Read these in place of variables that the environment does not have."""
    _handed.clear()
    _handed.update(variables)


def environment() -> Mapping[str, str]:
    """Return the environment, with what was handed over."""
    return ChainMap(os.environ, _handed) if _handed else os.environ


def ours() -> dict[str, str]:
    """Return the variables of it that concern the configuration."""
    return {name: value for name, value in environment().items() if name.startswith(PREFIX)}
