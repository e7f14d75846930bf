"""Finding task files, importing them safely, and checking what they define.

Each name is imported on first access: the child process that tries task files needs few of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rota.discovery.importer import load_function as load_function
    from rota.discovery.loader import Catalogue as Catalogue
    from rota.discovery.loader import LoadedFile as LoadedFile
    from rota.discovery.loader import load_directory as load_directory
    from rota.discovery.loader import load_file as load_file
    from rota.discovery.watcher import Watcher as Watcher

_HOMES = {
    "Catalogue": "loader",
    "LoadedFile": "loader",
    "Watcher": "watcher",
    "load_directory": "loader",
    "load_file": "loader",
    "load_function": "importer",
}

__all__ = [
    "Catalogue",
    "LoadedFile",
    "Watcher",
    "load_directory",
    "load_file",
    "load_function",
]


def __getattr__(name: str) -> Any:
    """Import a name from its own module on first access (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
