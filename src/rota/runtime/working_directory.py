"""The current directory of this process."""

from __future__ import annotations

from pathlib import Path

from rota.errors import ConfigError


def here() -> Path:
    """Return the current directory; raises ConfigError if it was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise ConfigError(
            "it was deleted, and perhaps created again.",
            where="the current directory",
            remedy="Enter the project again: cd to its path.",
        ) from None
