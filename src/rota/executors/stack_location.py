"""The code location of a thread or coroutine: "file:line, in function", preferably the user's."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

UNKNOWN = "unknown"


def of_thread(ident: int | None) -> str:
    """Return the code location of a thread."""
    return innermost(frames(ident))


def of_coroutine(coro: Any) -> str:
    """Return the code location at which a suspended coroutine waits."""
    chain = []
    while coro is not None:
        frame = getattr(coro, "cr_frame", None) or getattr(coro, "gi_frame", None)
        if frame is not None:
            chain.append(frame)
        coro = getattr(coro, "cr_await", None) or getattr(coro, "gi_yieldfrom", None)
    return innermost(reversed(chain))


def frames(ident: int | None) -> Iterator[FrameType]:
    """Yield a thread's frames, the innermost first; none for a thread that has ended."""
    frame = sys._current_frames().get(ident or 0)
    while frame is not None:
        yield frame
        frame = frame.f_back


def innermost(stack: Iterable[FrameType]) -> str:
    """Return the innermost location in the user's own code, else in a library, else in any code."""
    best: FrameType | None = None
    rank = 0
    for frame in stack:
        own = _rank(frame.f_code.co_filename)
        if own > rank or best is None:
            best, rank = frame, own
    if best is None:
        return UNKNOWN
    return f"{best.f_code.co_filename}:{best.f_lineno}, in {best.f_code.co_qualname}"


@cache
def _library() -> tuple[tuple[str, ...], tuple[str, ...]]:
    paths = sysconfig.get_paths()
    packages = tuple({f"{paths['purelib']}/", f"{paths['platlib']}/"})
    base = tuple({f"{paths['stdlib']}/", f"{paths['platstdlib']}/", "<frozen"})
    return packages, (*base, f"{Path(__file__).parents[1]}/")


@cache
def _rank(filename: str) -> int:
    """Return 2 for the user's code, 1 for an installed package, 0 for Python and rota."""
    packages, base = _library()
    if filename.startswith(packages):
        return 1
    return 0 if filename.startswith(base) else 2
