"""Files and directories that are their owner's alone from the first moment, whatever the umask.

What rota writes holds arguments, results and hashes of tokens. A mode that is set after the file
was made would come too late for who opens it in between.
"""

from __future__ import annotations

import os
from contextlib import suppress
from errno import EEXIST
from pathlib import Path

FILE = 0o600
DIRECTORY = 0o700
OTHERS = 0o077
"""The bits of a mode that let others in: the group, and everybody."""
WRITE = 0o022
"""Those of them that let others change it."""


def opener(path: str | bytes | os.PathLike[str] | os.PathLike[bytes], flags: int) -> int:
    """Open a file as `open(…, opener=opener)` has it done; one that is new is its owner's alone,
    one that is there keeps its mode."""
    if not flags & os.O_CREAT:
        return os.open(path, flags)
    while True:
        with suppress(FileExistsError):
            return _new(path, flags)
        if flags & os.O_EXCL:
            raise FileExistsError(EEXIST, os.strerror(EEXIST), path)
        with suppress(FileNotFoundError):  # it was taken away meanwhile, or is a link to nothing
            return os.open(path, flags & ~os.O_CREAT)
        path = os.path.realpath(path)


def make_file(path: Path) -> None:
    """Make an empty file where there is none; does nothing where one is, or none can be made:
    who opens it then will say so."""
    with suppress(OSError):
        os.close(_new(os.path.realpath(path), os.O_WRONLY | os.O_CREAT))


def make_directory(path: Path, *, parents: bool = False) -> None:
    """Make a directory where there is none, with `parents` those above it as well; raises
    OSError."""
    if parents and not path.parent.exists():
        make_directory(path.parent, parents=True)
    try:
        path.mkdir(DIRECTORY)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        path.chmod(DIRECTORY)  # a umask may have taken bits of its owner, too


def _new(path: str | bytes | os.PathLike[str] | os.PathLike[bytes], flags: int) -> int:
    descriptor = os.open(path, flags | os.O_EXCL, FILE)
    with suppress(OSError):  # a file system without modes
        os.fchmod(descriptor, FILE)
    return descriptor
