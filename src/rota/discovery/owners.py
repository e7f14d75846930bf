"""Checking the owner of task files: a file that any user may change is not run.

cron treats its tables in the same way.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from rota.discovery.finder import shown
from rota.errors import TaskFileError

_ALLOW = "manager.check_file_owners = false allows it, as for a container's volumes."


class Owners:
    """A check of the files below a directory; each directory is checked once."""

    def __init__(self, top: Path, project: Path) -> None:
        self._top = top
        self._project = project
        self._judged: dict[Path, TaskFileError | None] = {}

    def check(self, file: Path) -> None:
        """Raise TaskFileError if a user other than this one and root may change a file.

        The directories from `top` down to the file are checked as well. A missing file passes.
        """
        above = [one for one in file.parents if one == self._top or self._top in one.parents]
        for directory in (*reversed(above), *([] if above else [file.parent])):
            if directory not in self._judged:
                self._judged[directory] = _mistake(directory, self._project)
            if (error := self._judged[directory]) is not None:
                raise error
        if (error := _mistake(file, self._project)) is not None:
            raise error


def _mistake(path: Path, project: Path) -> TaskFileError | None:
    try:
        status = path.stat()
    except OSError:
        return None  # reading it will report the error
    where, name = shown(path, project), _quoted(path)
    if status.st_uid not in (0, os.geteuid()):
        return TaskFileError(
            f"belongs to user {status.st_uid}, who is neither this one ({os.geteuid()}) nor root:"
            " nothing in it is run.",
            where=where,
            remedy=f"chown {os.geteuid()} {name}; {_ALLOW}",
        )
    if status.st_mode & stat.S_IWOTH:
        return TaskFileError(
            f"can be changed by any user (mode {stat.S_IMODE(status.st_mode):o}): nothing in it"
            " is run.",
            where=where,
            remedy=f"chmod o-w {name}; {_ALLOW}",
        )
    return None


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
