"""The configuration of this process, for what is reached without one being handed over.

`SessionLocal` or `CacheManager()` in a task file take theirs from here, on first use.
"""

from __future__ import annotations

from rota.config.model import Xcorecfg
from rota.runtime import fork_safety

_lock = fork_safety.new_lock()
_config: Xcorecfg | None = None


def use(config: Xcorecfg | None) -> None:
    """Make `config` the one of this process; None: read it anew when it is next needed."""
    global _config
    with _lock:
        _config = config


def current() -> Xcorecfg:
    """Return this process's configuration, read once where none was given (`Xcorecfg.load`)."""
    global _config
    with _lock:
        if _config is None:
            _config = Xcorecfg.load()
        return _config
