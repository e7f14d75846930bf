"""Importing task files in a child process first, and reporting the outcome of each."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from rota.discovery.finder import SourceFile
from rota.discovery.import_errors import ImportFailure
from rota.errors import TaskFileError
from rota.logs import queued

PROBING = "ROTA_PROBE"
"""Set in the environment of the child: code that is imported there must not start work."""

_BOOT = """
import json, sys
request = json.load(sys.stdin)
sys.path[:] = request["sys_path"]
from rota.discovery.sandbox_child import main
main(request)
"""
_GRACE = 5.0
_SHOWN_OUTPUT = 4_000
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in ', re.MULTILINE)
_NOT_THEIRS = ("<", str(Path(__file__).with_name("sandbox_child.py")))
_logger = queued(__name__)


@dataclass(slots=True)
class _Round:
    """The answers of one child: the error of each finished file, and the file that ended it."""

    failures: dict[int, ImportFailure | None] = field(default_factory=dict)
    output_from: dict[int, int] = field(default_factory=dict)
    code: int | None = 0  # None: it was killed after its time limit
    trace: str = ""
    output: bytes = b""

    @property
    def culprit(self) -> int | None:
        """Return the index of the file whose import began and did not end."""
        return next((index for index in self.output_from if index not in self.failures), None)


def import_in_sandbox(
    files: Sequence[SourceFile], project: Path, timeout: float
) -> dict[Path, TaskFileError]:
    """Import files in a child process and return the error of each file that failed.

    `timeout` is in seconds, for each file. Each file that kills its child costs one more child.
    """
    broken: dict[Path, TaskFileError] = {}
    waiting = list(files)
    while waiting:
        found = _round(waiting, project, timeout)
        culprit = found.culprit
        if culprit is not None:
            found.failures[culprit] = _end(found, waiting[culprit], timeout)
        if not found.failures:
            _logger.warning("The child that tries task files did not start: %s", found.trace)
            break
        for index, failure in found.failures.items():
            if failure is not None:
                broken[waiting[index].path] = failure.error(waiting[index])
                _pass_on(waiting[index], found, index)
        waiting = [] if culprit is None else waiting[culprit + 1 :]
    return broken


def _round(files: Sequence[SourceFile], project: Path, timeout: float) -> _Round:
    with TemporaryFile() as answers, TemporaryFile() as output, TemporaryFile() as trace:
        request = {
            "files": [str(file.path) for file in files],
            "project": str(project),
            "timeout": timeout,
            "sys_path": sys.path,
            "argv": sys.argv,
            "answers": answers.fileno(),
            "trace": trace.fileno(),
        }
        found = _Round()
        try:
            found.code = _run(request, output, timeout * len(files) + _GRACE)
        except OSError as error:
            found.trace = str(error)
            return found
        found.trace = _content(trace).decode(errors="replace")
        found.output = _content(output)
        for line in _content(answers).splitlines():
            _take(json.loads(line), found)
        return found


def _run(request: Mapping[str, Any], output: IO[bytes], limit: float) -> int | None:
    """Run a child to its end and return its exit code; its process group is killed on return."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", _BOOT],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        pass_fds=(request["answers"], request["trace"]),
        env={**os.environ, PROBING: "1"},
        start_new_session=True,
    )
    try:
        child.communicate(json.dumps(request).encode(), limit)
        return child.returncode
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _take(answer: Mapping[str, Any], found: _Round) -> None:
    if "output" in answer:
        found.output_from[answer["file"]] = answer["output"]
    else:
        failure = answer["failure"]
        found.failures[answer["file"]] = None if failure is None else ImportFailure(*failure)


def _end(found: _Round, file: SourceFile, timeout: float) -> ImportFailure:
    """Return how a file ended the child that imported it."""
    line, inner = _location(found.trace, str(file.path))
    if found.code is None or found.trace.startswith("Timeout"):
        what = f"importing it did not finish within {timeout:g} s{inner}."
        return ImportFailure(
            what, line, "Move slow or endless work from its top level into a task."
        )
    if found.code < 0:
        what = f"importing it killed the process ({_signal_name(-found.code)}){inner}."
        return ImportFailure(what, line, "Check the native module that this line uses.")
    what = f"importing it ended the process with exit code {found.code}{inner}."
    return ImportFailure(what, line, "Task files are imported: leave `os._exit` and the like out.")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return f"signal {number}"


def _location(trace: str, path: str) -> tuple[int | None, str]:
    """Return the line of the file in a trace, and the place of the innermost frame."""
    written = path.encode("ascii", "backslashreplace").decode()  # as faulthandler writes it
    frames = [frame for frame in _FRAME.findall(trace) if not frame[0].startswith(_NOT_THEIRS)]
    for depth, (name, line) in enumerate(frames):
        if name == written:
            deepest = frames[0] if depth else None
            return int(line), f" (it was at {deepest[0]}:{deepest[1]})" if deepest else ""
    return None, ""


def _pass_on(file: SourceFile, found: _Round, index: int) -> None:
    """Log what a broken file printed: it is not imported here, so the output would be lost."""
    start = found.output_from.get(index, 0)
    end = found.output_from.get(index + 1, len(found.output))
    text = found.output[start:end].decode(errors="replace").strip()
    if text:
        _logger.warning("%s wrote while it was imported:\n%s", file.shown, text[-_SHOWN_OUTPUT:])
