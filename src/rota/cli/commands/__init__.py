"""The commands, in rooms by what they are for.

A module has the name of its command, and its function `command` runs it. The `COMMANDS` of a room
list its commands with their short help, so that the help imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from rota.cli.commands import checks, nodes, runs, setup, tasks

_ROOMS = (setup, nodes, tasks, runs, checks)

COMMANDS: dict[str, str] = {name: text for room in _ROOMS for name, text in room.COMMANDS.items()}
"""The short help of every command, in the order of the help."""


def load_command(name: str) -> Callable[..., Any]:
    """Import the module of a command, and return its function."""
    room = next(room for room in _ROOMS if name in room.COMMANDS)
    command: Callable[..., Any] = import_module(f"{room.__name__}.{name}").command
    return command
