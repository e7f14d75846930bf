"""Formatting errors raised while importing a task file."""

from __future__ import annotations

import traceback
from typing import NamedTuple

from rota.core.task import Source
from rota.discovery.finder import SourceFile
from rota.errors import TaskFileError

_MOST = 500  # characters of an exception's own message


class ImportFailure(NamedTuple):
    """An error of an import: what happened, the line of the task file, and the remedy."""

    what: str
    line: int | None
    remedy: str

    def error(self, file: SourceFile) -> TaskFileError:
        """Return it as the error of `file`."""
        where = str(Source(file.shown, self.line))
        return TaskFileError(self.what, where=where, remedy=self.remedy)


def raised(error: BaseException, path: str) -> ImportFailure:
    """Return the ImportFailure of an exception that was raised by importing the file at `path`."""
    text = " ".join("".join(traceback.format_exception_only(error)[-1:]).split())
    what = f"importing it raised {text[:_MOST].removesuffix('.')}{_elsewhere(error, path)}."
    return ImportFailure(what, _line(error, path), _remedy(error))


def _line(error: BaseException, path: str) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == path]
    return lines[-1] if lines else None


def _elsewhere(error: BaseException, path: str) -> str:
    """Return where it was raised, if not in the file itself."""
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}"
        return "" if error.filename == path else f" (in {place})"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<")
    ]
    last = frames[-1] if frames else None
    if last is None or last.filename == path or isinstance(error, ImportError):
        return ""
    return f" (in {last.filename}:{last.lineno})"


def _remedy(error: BaseException) -> str:
    match error:
        case ModuleNotFoundError():
            return "Install it, or correct its name; the project directory is searched first."
        case SyntaxError():
            return "Fix it; until then this file defines nothing new."
        case SystemExit():
            return "Task files are imported: put programs under `if __name__ == '__main__':`."
        case EOFError():
            return "`input()` cannot work here; read a setting instead."
    return "Fix it, or move the code that may fail into the task that needs it."
