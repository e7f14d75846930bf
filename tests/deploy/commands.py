"""What a deployed command line must be: one that rota takes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence


def check_command(words: Sequence[str]) -> None:
    """Let `rota` parse a command line; with `--help` after it, it starts nothing."""
    done = subprocess.run(
        [sys.executable, "-c", "from rota.cli.main import run; run()", *words, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), words
