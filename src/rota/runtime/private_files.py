"""Creating files and directories that only their owner can access, whatever the umask.

rota's files hold arguments, results and hashes of tokens. Setting the mode after creation would
be too late: another user could open the file in between.
"""

from __future__ import annotations

import os
from contextlib import suppress
from errno import EEXIST
from pathlib import Path

FILE = 0o600
DIRECTORY = 0o700
OTHERS = 0o077
"""The mode bits that give access to others: the group and all users."""
WRITE = 0o022
"""The mode bits that let others change a file."""


def opener(path: str | bytes | os.PathLike[str] | os.PathLike[bytes], flags: int) -> int:
    """Open a file, as `opener` of `open`; a new file is private, an existing one keeps its mode."""
    if not flags & os.O_CREAT:
        return os.open(path, flags)
    while True:
        with suppress(FileExistsError):
            return _new(path, flags)
        if flags & os.O_EXCL:
            raise FileExistsError(EEXIST, os.strerror(EEXIST), path)
        with suppress(FileNotFoundError):  # it was removed just now, or is a dangling link
            return os.open(path, flags & ~os.O_CREAT)
        path = os.path.realpath(path)


def make_file(path: Path) -> None:
    """Create an empty private file; does nothing if the file exists or cannot be created.

    Opening it later reports the error.
    """
    with suppress(OSError):
        os.close(_new(os.path.realpath(path), os.O_WRONLY | os.O_CREAT))


def make_directory(path: Path, *, parents: bool = False) -> None:
    """Create a private directory if it does not exist, with `parents` also those above it.

    Raises OSError.
    """
    if parents and not path.parent.exists():
        make_directory(path.parent, parents=True)
    try:
        path.mkdir(DIRECTORY)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        path.chmod(DIRECTORY)  # the umask may have removed bits of the owner, too


def _new(path: str | bytes | os.PathLike[str] | os.PathLike[bytes], flags: int) -> int:
    descriptor = os.open(path, flags | os.O_EXCL, FILE)
    with suppress(OSError):  # a file system without modes
        os.fchmod(descriptor, FILE)
    return descriptor
