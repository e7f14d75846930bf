"""The task manager's face; everything lives in `rota.manager`, found when asked for."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rota.manager import Manager as Manager

__all__ = ["Manager"]


def __getattr__(name: str) -> Any:
    """Find `Manager` when it is asked for: importing `manager.schemas` loads no scheduler."""
    if name != "Manager":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rota.manager import Manager

    return Manager
