"""`rota check`: every mistake of the configuration and the task files at once."""

from __future__ import annotations

import json as jsons
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from rota.cli import output, project
from rota.cli.words import UsageError
from rota.config import Xcorecfg
from rota.directory import here
from rota.errors import Mistakes, RotaError

_WHERE = re.compile(r"(?P<file>[^,:]+)(?:, line |:)(?P<line>\d+)(?:, )?(?P<rest>.*)", re.DOTALL)
_DEFAULT = Path("config.json")


class Mistake(NamedTuple):
    """One mistake: in which file and line (None: not known), the rest of its place, the words."""

    file: str
    line: int | None
    at: str
    what: str
    remedy: str


def command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Tell only of these files; as a pre-commit hook gives them."),
    ] = None,
    config: project.ConfigOption = None,
    json: project.JsonOption = False,
) -> None:
    """Check the configuration and every task file, and list all mistakes with file and line.

    Exits with 1 if there are any. Files that are no business of rota are passed over.
    """
    here()  # without it there is nothing to check
    _must_be_there(files or ())
    settings, errors = _settings(config)
    tasks_directory = Path(settings.manager.tasks_directory)
    given = {file.resolve() for file in files or ()}
    if given and not _concerns(given, config or _DEFAULT, tasks_directory):
        return
    tasks, more = _tasks(settings)
    found = [mistake(error) for error in (*errors, *more)]
    found = [one for one in found if not given or Path(one.file).resolve() in given]
    if json:
        output.json_lines(one._asdict() for one in found)
    else:
        _show(found, tasks)
    if found:
        raise typer.Exit(1)


def _must_be_there(files: Sequence[Path]) -> None:
    remedy = "Look at its name, and from which directory it is seen."
    missing = [
        UsageError("there is no such file.", where=str(file), remedy=remedy)
        for file in files
        if not os.path.lexists(file)
    ]
    if missing:
        raise Mistakes(missing)


def mistake(error: RotaError) -> Mistake:
    """Split an error's place into file and line where it names them."""
    match = _WHERE.fullmatch(error.where)
    if match is None:
        file, comma, rest = error.where.partition(", ")
        return Mistake(file, None, rest if comma else "", error.what, error.remedy)
    return Mistake(match["file"], int(match["line"]), match["rest"], error.what, error.remedy)


def _settings(path: Path | None) -> tuple[Xcorecfg, list[RotaError]]:
    """Read the configuration; where it is wrong, go on with the defaults."""
    try:
        return project.load(path), []
    except Mistakes as mistakes:
        return _makeshift(path or _DEFAULT), list(mistakes.errors)
    except RotaError as error:
        return _makeshift(path or _DEFAULT), [error]


def _makeshift(path: Path) -> Xcorecfg:
    """Return defaults with the directory of task files that a wrong configuration names."""
    config = Xcorecfg.from_env(environ={})
    with suppress(OSError, ValueError, LookupError, TypeError, RecursionError, RotaError):
        named = jsons.loads(path.read_bytes())["manager"]["tasks_directory"]
        config.manager.tasks_directory = named
    return config


def _tasks(settings: Xcorecfg) -> tuple[int, list[RotaError]]:
    """Return how many tasks are right, and what is wrong with the others."""
    from rota.manager import Manager, TaskManager

    manager = TaskManager(settings)
    Manager.use(manager)
    try:
        errors = manager.discover().errors
        return len(manager.services.engine.registry), errors
    except RotaError as error:
        return 0, [error]
    finally:
        manager.shutdown()


def _concerns(given: set[Path], config: Path, tasks_directory: Path) -> bool:
    top = tasks_directory.resolve()
    return any(file == config.resolve() or file.is_relative_to(top) for file in given)


def _show(found: list[Mistake], tasks: int) -> None:
    for one in found:
        output.say(output.inert(_line(one)))
        if one.remedy:
            output.say(f"    {output.inert(one.remedy)}")
    noun = "task is" if tasks == 1 else "tasks are"
    count = {0: "No mistakes", 1: "1 mistake"}.get(len(found), f"{len(found)} mistakes")
    output.note(f"{count}; {tasks} {noun} right.")


def _line(one: Mistake) -> str:
    parts = (one.file + (f":{one.line}" if one.line else ""), one.at, one.what)
    return ": ".join(part for part in parts if part)
