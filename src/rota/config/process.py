"""The configuration of this process, for code that is not given one.

`SessionLocal` and `CacheManager()` in a task file read it from here on first use.
"""

from __future__ import annotations

from rota.config.model import Xcorecfg
from rota.runtime import fork_safety

_lock = fork_safety.new_lock()
_config: Xcorecfg | None = None


def use(config: Xcorecfg | None) -> None:
    """Set the configuration of this process; None: read it again when it is next needed."""
    global _config
    with _lock:
        _config = config


def current() -> Xcorecfg:
    """Return the configuration of this process; loads it once if none was set."""
    global _config
    with _lock:
        if _config is None:
            _config = Xcorecfg.load()
        return _config
