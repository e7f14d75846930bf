"""`rota check`: list all mistakes in the configuration and the task files."""

from __future__ import annotations

import json as jsons
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from rota.cli import output, project
from rota.cli.formatting import UsageError
from rota.config import Xcorecfg
from rota.definitions.edits import in_place_of, made, moved
from rota.errors import DefinitionError, LedgerError, Mistakes, RotaError
from rota.runtime.working_directory import here
from rota.triggers import caution

if TYPE_CHECKING:
    from rota.manager import TaskManager

_WHERE = re.compile(r"(?P<file>[^,:]+)(?:, line |:)(?P<line>\d+)(?:, )?(?P<rest>.*)", re.DOTALL)
_DEFAULT = Path("config.json")


class CheckMistake(NamedTuple):
    """One mistake: its file and line (None: unknown), the rest of its place, its text."""

    file: str
    line: int | None
    at: str
    what: str
    remedy: str


def command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Report only mistakes in these files, as a pre-commit hook passes them."
        ),
    ] = None,
    config: project.ConfigOption = None,
    json: project.JsonOption = False,
) -> None:
    """Check the configuration and every task file, and list all mistakes with file and line.

    Exits with 1 if there are any. Files that do not belong to rota are ignored.
    """
    here()  # raises if the current directory is gone
    _must_be_there(files or ())
    settings, errors = _settings(config)
    directories = [Path(one) for one in settings.manager.tasks_directories]
    given = {file.resolve() for file in files or ()}
    if given and not _concerns(given, config or _DEFAULT, directories):
        return
    tasks, more, edited = _tasks(settings)
    found = _chosen((*errors, *more), given)
    if json:
        output.json_lines(one._asdict() for one in found)
    else:
        _show(found, tasks)
        for one in _chosen(edited, given):
            output.note(output.neutralise(f"{_line(one)} {one.remedy}"))
    if found:
        raise typer.Exit(1)


def _must_be_there(files: Sequence[Path]) -> None:
    remedy = "Check its name, and the directory that it is relative to."
    missing = [
        UsageError("there is no such file.", where=str(file), remedy=remedy)
        for file in files
        if not os.path.lexists(file)
    ]
    if missing:
        raise Mistakes(missing)


def mistake(error: RotaError) -> CheckMistake:
    """Return an error with its place split into file and line, if it names them."""
    match = _WHERE.fullmatch(error.where)
    if match is None:
        file, comma, rest = error.where.partition(", ")
        return CheckMistake(file, None, rest if comma else "", error.what, error.remedy)
    return CheckMistake(match["file"], int(match["line"]), match["rest"], error.what, error.remedy)


def _settings(path: Path | None) -> tuple[Xcorecfg, list[RotaError]]:
    """Return the configuration and its errors; with errors, the defaults are returned."""
    try:
        return project.load(path), []
    except Mistakes as mistakes:
        return _makeshift(path or _DEFAULT), list(mistakes.errors)
    except RotaError as error:
        return _makeshift(path or _DEFAULT), [error]


def _makeshift(path: Path) -> Xcorecfg:
    """Return defaults with the directory of task files that an invalid configuration names."""
    config = Xcorecfg.from_env(environ={})
    with suppress(OSError, ValueError, LookupError, TypeError, RecursionError, RotaError):
        named = jsons.loads(path.read_bytes())["manager"]["tasks_directory"]
        config.manager.tasks_directory = named
    return config


def _chosen(errors: Iterable[RotaError], given: set[Path]) -> list[CheckMistake]:
    """Return the mistakes in the given files."""
    found = map(mistake, errors)
    return [one for one in found if not given or Path(one.file).resolve() in given]


def _tasks(settings: Xcorecfg) -> tuple[int, list[RotaError], list[RotaError]]:
    """Return the number of valid tasks, the errors in the others, and the edits."""
    from rota.manager import Manager, TaskManager

    manager = TaskManager(settings)
    Manager.use(manager)
    try:
        errors = manager.discover().errors
        broken, edited = _edits(manager)
        edited += _passed(manager)
        return len(manager.services.engine.registry) - len(broken), [*errors, *broken], edited
    except RotaError as error:
        return 0, [error], []
    finally:
        manager.shutdown()


def _edits(manager: TaskManager) -> tuple[list[RotaError], list[RotaError]]:
    """Return the tasks whose edits do not fit the code, and the edits of the others.

    Both are empty if no ledger can be read.
    """
    broken: list[RotaError] = []
    edited: list[RotaError] = []
    try:
        entries = project.entries(manager)
    except LedgerError as error:
        output.note(f"The edits were not checked: {output.sentence(error)}")
        return broken, edited
    for entry in entries:
        id, source = entry.definition.id, entry.definition.source
        for edit in entry.edits:
            where = f"{f'{source}, ' if source else ''}task {id!r}, {edit.key}"
            remedy = f"`rota reset {id} {edit.key}` resets the edit."
            what = f"is edited: {in_place_of(edit)}{made(edit)}"
            if edit.mistake:
                what += f". The edit is not applied: {edit.mistake} The value in the code applies."
                broken.append(DefinitionError(what, where=where, remedy=remedy))
            else:
                what += f"; the code below it changed: {moved(edit)}." if edit.has_moved else "."
                edited.append(DefinitionError(what, where=where, remedy=remedy))
    return broken, edited


def _passed(manager: TaskManager) -> list[RotaError]:
    """Return the tasks whose date has passed, so that they never run."""
    found: list[RotaError] = []
    for entry in manager.services.engine.registry.entries():
        id, source = entry.definition.id, entry.definition.source
        if entry.is_late:
            what = f"its date has passed: {entry.trigger_args.get('run_date')}; it does not run."
            remedy = f"Set a date in the future, or start it manually: `rota run {id}`."
            where = f"{f'{source}, ' if source else ''}task {id!r}, run_date"
            found.append(DefinitionError(what, where=where, remedy=remedy))
        code = entry.definition
        said = caution(code.trigger, code.trigger_args, timezone=code.timezone, task_id=id)
        if said:
            where = f"{f'{source}, ' if source else ''}task {id!r}"
            found.append(DefinitionError(f"{said}.", where=where))
    return found


def _concerns(given: set[Path], config: Path, directories: Sequence[Path]) -> bool:
    tops = [directory.resolve() for directory in directories]
    return any(
        file == config.resolve() or any(file.is_relative_to(top) for top in tops) for file in given
    )


def _show(found: list[CheckMistake], tasks: int) -> None:
    for one in found:
        output.say(output.neutralise(_line(one)))
        if one.remedy:
            output.say(f"    {output.neutralise(one.remedy)}")
    noun = "task is" if tasks == 1 else "tasks are"
    count = {0: "No mistakes", 1: "1 mistake"}.get(len(found), f"{len(found)} mistakes")
    output.note(f"{count}; {tasks} {noun} right.")


def _line(one: CheckMistake) -> str:
    parts = (one.file + (f":{one.line}" if one.line else ""), one.at, one.what)
    return ": ".join(part for part in parts if part)
