"""Configuration variables of a process that does not have them in its environment.

Worker processes do not inherit these variables: every program that a task starts would inherit
them too, and they may hold passwords. They are handed over instead.
"""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Mapping

PREFIX = "XCORE_"

_handed: dict[str, str] = {}


def hand_over(variables: Mapping[str, str]) -> None:
    """Use `variables` for names that the environment does not have."""
    _handed.clear()
    _handed.update(variables)


def environment() -> Mapping[str, str]:
    """Return the environment, completed by the variables that were handed over."""
    return ChainMap(os.environ, _handed) if _handed else os.environ


def ours() -> dict[str, str]:
    """Return the variables of this environment that belong to the configuration."""
    return {name: value for name, value in environment().items() if name.startswith(PREFIX)}
