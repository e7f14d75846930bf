"""The first three descriptors are open, whatever the caller closed."""

from __future__ import annotations

import subprocess
import sys

LOOK = (
    "import os, sys; from rota.cli.descriptors import fill_standard; fill_standard();"
    " sys.stderr.write(os.readlink('/proc/self/fd/1')); os.system('echo lost')"
)


def test_a_closed_stdout_becomes_no_other_file() -> None:
    command = [sys.executable, "-c", LOOK]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command], capture_output=True, text=True, check=True
    )
    assert done.stderr == "/dev/null"
