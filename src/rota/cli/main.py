"""The command `rota`: its subcommands, and the handling of errors.

Exit codes: 0 done, or yes · 1 no: degraded, failed, mistakes found · 2 it could not be done.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer

from rota.cli import output
from rota.cli.descriptors import fill_standard
from rota.core.audit import Face
from rota.errors import RotaError
from rota.runtime.gc_control import loading, own_process
from rota.task_api.actor import acting

COMMANDS = {
    "init": "Create a new project that works at once.",
    "check": "Find every mistake in the configuration and the task files.",
    "up": "Schedule and run the tasks of the project in this directory.",
    "scheduler": "Only plan occurrences, for workers in other processes.",
    "worker": "Only execute planned runs.",
    "web": "Only serve the pages and the API.",
    "ls": "List the tasks.",
    "show": "Show everything about one task.",
    "next": "List the coming occurrences of all tasks.",
    "preview": "Describe a trigger and list its next times.",
    "run": "Start a task manually.",
    "pause": "Pause a task: plan no occurrences until it is resumed.",
    "resume": "Resume a paused task from now on.",
    "reset": "Reset the edits of a task.",
    "skip": "Skip the next occurrence of a task.",
    "cancel": "Cancel a waiting or running run.",
    "runs": "List the runs: what happened, and why.",
    "logs": "Show what a run logged and printed.",
    "token": "Create, list and revoke tokens for the API and the pages; print a sign-in link.",
    "db": "Copy a ledger with its whole history to a file or a server.",
    "health": "Print the node's health as JSON.",
    "verify": "Compare the ledger with the triggers, and list what is missing or wrong.",
    "doctor": "Find out why tasks do not run, run twice, grow or are missed.",
}
"""All commands, in the order of the help; their code is in `rota.cli.commands`."""

COMPLETING = "_ROTA_COMPLETE"
"""The variable that a shell sets to request completions: they need the options of all commands."""


def run() -> None:
    """Run the command line and exit: the entry point of `rota`."""
    fill_standard()
    output.prepare()
    own_process()
    try:
        with acting(Face.CLI, _user()):
            with loading():
                app = _app(sys.argv[1:])
            app(prog_name="rota")
    except RotaError as error:
        output.complain(error)
        sys.exit(2)
    finally:
        output.flush()


def _user() -> str:
    """Return the name of this user, for the audit; its number if it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())


def _app(words: list[str]) -> typer.Typer:
    """Return the application; only the command that is called is imported."""
    app = typer.Typer(
        help="Background tasks from plain files: scheduled, run exactly once, recorded and shown.",
        epilog="Exit codes: 0 done, or yes; 1 no: degraded, failed, mistakes found;"
        " 2 it could not be done.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    asked = next((word for word in words if not word.startswith("-")), None)
    for name, text in COMMANDS.items():
        wanted = name == asked or COMPLETING in os.environ
        app.command(name, short_help=text)(_load(name) if wanted else _stand_in())
    return app


def _load(name: str) -> Callable[..., Any]:
    command: Callable[..., Any] = import_module(f"rota.cli.commands.{name}").command
    return command


def _stand_in() -> Callable[[], None]:
    def command() -> None:
        raise AssertionError("only listed, never called")

    return command


def _show_version(wanted: bool) -> None:
    if wanted:
        from rota import __version__

        output.say(f"rota {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    pass


if __name__ == "__main__":
    run()
