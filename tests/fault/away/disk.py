"""A small disk of a node's own: a file system in a namespace that only the node lives in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_MOUNT = """
mount -t tmpfs -o size={size} tmpfs {at} && cp -a {source}/. {at}/ && {then}
exec "$@"
"""


def wrapped(at: Path, source: Path, *, size: str, read_only: bool = False) -> list[str]:
    """Return the words before a command that give it such a disk at `at`, with what is in
    `source`; skips the test where that is not permitted."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("needs `unshare`, to give a process a disk of its own")
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make namespaces, so there is no disk of its own")
    then = f"mount -o remount,ro,bind {at}" if read_only else "true"
    script = _MOUNT.format(size=size, at=at, source=source, then=then)
    return ["unshare", "-rm", "sh", "-c", script, "sh"]


class Disk:
    """The disk, as it is seen from outside through a process that has it."""

    def __init__(self, pid: int, at: Path) -> None:
        self.path = Path(f"/proc/{pid}/root{at}")

    def fill(self) -> None:
        """Leave no room on it."""
        with (self.path / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(os.urandom(4096))
            except OSError:
                pass

    def make_room(self) -> None:
        """Take away what filled it."""
        (self.path / "filler").unlink()
