"""Run tests on every other Python that rota supports and this machine has.

`python -m tests.pythons [PYTEST ARGUMENTS]`; without arguments, the unit tests of `FOLDERS`. The
interpreters are `python3.12` and so on from the PATH, and those that pyenv has installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MINORS = (11, 12, 13, 14)
FOLDERS = ("arguments", "config", "discovery", "executors", "logs", "scheduling", "triggers")
"""The unit tests of the rooms whose code an interpreter may change."""
UNIT_TESTS = ("-q", "-n", "2", "-p", "no:cacheprovider", *(f"tests/unit/{one}" for one in FOLDERS))


def interpreters() -> dict[int, Path]:
    """Return minor version → interpreter, without the one that this runs on."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found: dict[int, Path] = {}
    for minor in MINORS:
        on_path = shutil.which(f"python3.{minor}")
        candidates = [Path(on_path)] if on_path else []
        candidates += sorted(pyenv.glob(f"3.{minor}.*/bin/python"), reverse=True)
        runnable = next((one for one in candidates if _minor_of(one) == minor), None)
        if minor != sys.version_info.minor and runnable is not None:
            found[minor] = runnable
    return found


def _minor_of(interpreter: Path) -> int | None:
    """Return the minor version of an interpreter; None for a shim of one that is not installed."""
    asked = [str(interpreter), "-c", "import sys; print(sys.version_info.minor)"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 else None


def environment(minor: int, interpreter: Path) -> Path:
    """Make the environment for an interpreter from the lock, and return its Python."""
    home = ROOT / f".venv-3.{minor}"
    python = home / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    pip = (uv, "pip")
    into = ("-q", "--python", python)
    if not python.exists():
        subprocess.run([uv, "venv", "-q", "--python", interpreter, home], check=True)
    lock = ROOT / "requirements-dev.lock"
    subprocess.run([*pip, "sync", *into, "--require-hashes", lock], check=True)
    no_fetching = ("--no-deps", "--no-build-isolation")
    subprocess.run(
        [*pip, "install", *into, *no_fetching, "-e", ROOT, "-e", ROOT / "xcore"], check=True
    )
    return python


def main(arguments: list[str]) -> int:
    """Run the tests on each; return 0 if all passed."""
    failed = []
    for minor, interpreter in interpreters().items():
        sys.stdout.write(f"Python 3.{minor}: {interpreter}\n")
        sys.stdout.flush()
        python = environment(minor, interpreter)
        tests = arguments or UNIT_TESTS
        if subprocess.run([python, "-m", "pytest", *tests], cwd=ROOT, check=False).returncode:
            failed.append(f"3.{minor}")
    if failed:
        sys.stdout.write(f"Failed on Python {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
