"""Records whether a directory ever had a ledger: by a mark next to that directory.

A missing directory may be one that was never made, or one whose disk is not mounted. In the second
case, an empty ledger in its place would repeat what was done, and hide what is there.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from rota.errors import LedgerUnavailableError
from rota.runtime import private_files

_TEXT = """\
A ledger of rota is in the directory of this name. While this file is here, rota does not make
that directory again if it is missing.
"""


def make_directory(path: Path, url: str) -> None:
    """Create the directory of `path`, if there never was a ledger in it. Only the last directory is
    created: a whole missing tree is rather a mistake in the address. Raises LedgerUnavailableError.
    """
    directory = path.parent
    if directory.is_dir():
        return
    if _mark_of(directory).exists():
        raise LedgerUnavailableError(
            f"The directory of the ledger is gone: {directory}. There was a ledger in it.",
            where=url,
            remedy="Put it back: mount its disk, or restore a backup. To begin with an empty"
            " ledger, make the directory manually.",
        )
    try:
        private_files.make_directory(directory)
    except OSError as error:
        raise LedgerUnavailableError(
            f"The directory of the ledger cannot be made: {error.strerror}.",
            where=url,
            remedy=f"Make {directory} and let this user write there.",
        ) from error


def mark(path: Path) -> None:
    """Note that there is a ledger in the directory of `path`. A process that may not write next to
    that directory could not recreate it either. The working directory of this process always
    exists.
    """
    directory = path.parent
    with suppress(OSError):
        if directory.resolve() != Path.cwd() and not _mark_of(directory).exists():
            private_files.make_file(_mark_of(directory))
            _mark_of(directory).write_text(_TEXT)


def _mark_of(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.rota")
