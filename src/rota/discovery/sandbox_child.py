"""The child process in which task files are imported first, so that no failure harms the node.

It writes a line of JSON when it begins a file and when it has finished one. A file that was begun
and not finished killed the child; the trace then shows at which line.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from rota.discovery.finder import read
from rota.discovery.import_errors import raised
from rota.discovery.importer import load_module

_me = os.getpid()


def main(request: Mapping[str, Any]) -> NoReturn:
    """Import the files one after the other; exit without waiting for threads that they started."""
    sys.argv[:] = request["argv"]
    faulthandler.enable(request["trace"])
    leave = os._exit
    os._exit = partial(_leave_with_trace, leave, request["trace"])
    for index, file in enumerate(request["files"]):
        _say(request, index, output=_written())
        faulthandler.dump_traceback_later(request["timeout"], exit=True, file=request["trace"])
        error = _imported(Path(file), Path(request["project"]))
        faulthandler.cancel_dump_traceback_later()
        _say(request, index, failure=error and raised(error, file))
    _flush()
    leave(0)


def _imported(file: Path, project: Path) -> BaseException | None:
    try:
        load_module(read(file, project), project)
    except BaseException as error:
        if os.getpid() != _me:  # a child that the file forked must not continue here
            raise
        return error
    return None


def _say(request: Mapping[str, Any], index: int, **more: Any) -> None:
    if os.getpid() == _me:
        os.write(request["answers"], json.dumps({"file": index, **more}).encode() + b"\n")


def _written() -> int:
    """Return how many bytes the earlier files have printed."""
    _flush()
    return os.fstat(1).st_size


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # the file may have replaced them by any object
            continue


def _leave_with_trace(leave: Callable[[int], NoReturn], trace: int, code: int) -> NoReturn:
    if os.getpid() == _me:
        _flush()
        faulthandler.dump_traceback(trace)
    leave(code)
