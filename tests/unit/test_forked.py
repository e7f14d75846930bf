"""Programs that run as forks: the part of `subprocess.Popen` that tests use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests import forked


def test_a_program_that_was_read_to_its_end_has_no_rest(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print(input())"]
    for _ in range(2):  # the first of its kind is a process of its own
        process = forked.start(command, tmp_path, os.environ, takes_input=True)
        process.communicate("hello\n", timeout=60)
        process.kill()
        rest, _ = process.communicate(timeout=60)
        assert rest in ("", "hello\n")
        assert process.poll() == 0
