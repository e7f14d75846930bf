"""The command `rota`: its subcommands, and the handling of errors.

Exit codes: 0 done, or yes · 1 no: degraded, failed, mistakes found · 2 it could not be done.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from rota.cli import output
from rota.cli.commands import COMMANDS, load_command
from rota.cli.descriptors import fill_standard
from rota.core.audit import Face
from rota.errors import RotaError
from rota.runtime.gc_control import loading, own_process
from rota.task_api.actor import acting

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
        app.command(name, short_help=text)(load_command(name) if wanted else _stand_in())
    return app


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
