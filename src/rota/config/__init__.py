"""Settings: one typed object read from `config.json` and the environment.

Nothing is read at import; pydantic is loaded with the first name taken from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rota.config.model import Xcorecfg as Xcorecfg
    from rota.config.process import current as current
    from rota.config.process import use as use
    from rota.config.schema import json_schema as json_schema
    from rota.core.secrets import redact_url as redact_url

_HOMES = {
    "Xcorecfg": "rota.config.model",
    "current": "rota.config.process",
    "use": "rota.config.process",
    "json_schema": "rota.config.schema",
    "redact_url": "rota.core.secrets",
}

__all__ = ["Xcorecfg", "current", "json_schema", "redact_url", "use"]


def __getattr__(name: str) -> Any:
    """Import a public name from its own module on first access (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
