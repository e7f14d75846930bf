"""Files: written all or nothing, and old ones deleted."""

import os
import re
import stat
import tempfile
from datetime import datetime
from pathlib import Path

_ROTATED = re.compile(r"\.\d[\d_.:-]*(\.(gz|bz2|xz|zst))?")
"""What rotation puts behind a log file's name: a number or a date, and perhaps a compression."""


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step: a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def delete_rotated(log_file: Path, before: datetime) -> tuple[int, int]:
    """Delete the rotated files of a log last written before; returns how many files and bytes.

    The log file itself, links and the files of others are left alone.
    """
    files, size = 0, 0
    if not log_file.parent.is_dir():
        return files, size
    for path in log_file.parent.iterdir():
        if not _ROTATED.fullmatch(path.name.removeprefix(log_file.name)):
            continue
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode) or status.st_mtime >= before.timestamp():
                continue
            path.unlink()
        except FileNotFoundError:  # another process rotated it away
            continue
        files, size = files + 1, size + status.st_size
    return files, size
