"""What type checkers say of user code with jobs: nothing where it is right, and each mistake."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def test_mypy_strict_finds_every_mistake_and_no_other(tmp_path: Path) -> None:
    right, wrong = HERE / "right.py", HERE / "wrong.py"
    for source in (right, wrong):
        (tmp_path / source.name).write_text(source.read_text())
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"]
    done = subprocess.run(
        [*command, "--cache-dir", str(tmp_path / "cache"), "right.py", "wrong.py"],
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    found = re.findall(r"^(\w+\.py):(\d+): error", done.stdout, re.M)
    lines = wrong.read_text().splitlines()
    marked = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    assert {int(line) for file, line in found if file == "wrong.py"} == marked, done.stdout
    assert [one for one in found if one[0] != "wrong.py"] == [], done.stdout
