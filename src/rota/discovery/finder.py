"""Finding the task files of a directory, and reading them so that a bad one does no harm."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from importlib.util import decode_source
from pathlib import Path

from rota.errors import TaskFileError

LARGEST = 4 * 1024 * 1024
"""The most bytes of a task file: a larger one is data and not a program."""

_MARKS = re.compile(rb"\b(TASK_DEFINITIONS|register_tasks|rota)\b")
_TESTS = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was read; `shown` is its path in messages and listings."""

    path: Path
    shown: str
    text: bytes

    @property
    def fingerprint(self) -> str:
        """Return a hash of the text."""
        return blake2b(self.text, digest_size=16).hexdigest()

    @property
    def may_define(self) -> bool:
        """Return whether the file names what a task file needs; other files are not imported."""
        return _MARKS.search(self.text) is not None


def absolute(path: str | Path, project: Path) -> Path:
    """Return an absolute path; symbolic links are not resolved.

    A relative path is relative to the project, a relative project to the current directory.
    """
    return Path(os.path.abspath(project / path))  # noqa: PTH100 - resolve() would follow links


def shown(path: Path, project: Path) -> str:
    """Return a path for messages: relative to the project if it is inside of it."""
    return path.relative_to(project).as_posix() if path.is_relative_to(project) else str(path)


def find(directory: Path) -> Iterator[Path]:
    """Yield the Python files in a directory and below it, in the order of their names.

    Names that begin with `_` or `.`, tests and virtual environments are left out. Links are
    followed; each directory and each file is visited once. Raises OSError if the directory
    itself cannot be listed; directories below it that cannot be listed are skipped.
    """
    seen: set[tuple[int, int]] = set()
    yield from _below(directory, sorted(directory.iterdir()), seen)


def read(path: Path, project: Path) -> SourceFile:
    """Read a file of at most LARGEST bytes; raises TaskFileError if it is not readable UTF-8."""
    where = shown(path, project)
    try:
        status = path.stat()  # before opening: opening a named pipe waits for its writer
        if not stat.S_ISREG(status.st_mode):
            raise TaskFileError("is not a file.", where=where, remedy="Move it elsewhere.")
        if status.st_size > LARGEST:
            size = f"{status.st_size / 2**20:.0f} MiB"
            remedy = f"Task files may have {LARGEST // 2**20} MiB; move the data elsewhere."
            raise TaskFileError(f"has {size}.", where=where, remedy=remedy)
        text = path.read_bytes()
        decode_source(text)
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "Check the file, its links and its permissions."
        raise TaskFileError(f"cannot be read ({reason}).", where=where, remedy=remedy) from None
    except (SyntaxError, UnicodeError, LookupError) as error:
        remedy = "Save it as UTF-8."
        raise TaskFileError(f"is not UTF-8 text ({error}).", where=where, remedy=remedy) from None
    return SourceFile(path, where, text)


def _below(directory: Path, entries: list[Path], seen: set[tuple[int, int]]) -> Iterator[Path]:
    if not _first_visit(directory, seen):
        return
    for entry in entries:
        if entry.name.startswith(("_", ".")):
            continue
        if entry.is_dir():
            if not (entry / "pyvenv.cfg").exists():
                yield from _below(entry, _listed(entry), seen)
        elif _may_hold_tasks(entry.name) and _first_visit(entry, seen):
            yield entry


def _may_hold_tasks(name: str) -> bool:
    return name.endswith(".py") and not _TESTS.fullmatch(name)


def _listed(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:  # a directory that we may not read holds no task file of ours
        return []


def _first_visit(path: Path, seen: set[tuple[int, int]]) -> bool:
    try:
        status = path.stat()
    except OSError:
        return True  # reading it will report the error
    identity = (status.st_dev, status.st_ino)
    if identity in seen:
        return False
    seen.add(identity)
    return True
