"""Facts about a callable: its path, its place, its kind."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any
from weakref import WeakKeyDictionary

from rota.core.task import Source
from rota.definitions.readers import Refusal
from rota.task_api.commands import Command


class CallableKind(Enum):
    """Where a callable can run."""

    ASYNC = "async"
    PLAIN = "plain"
    # A program, which is a process of its own; a thread waits for it.
    COMMAND = "command"
    # A plain decorator around `async def`: it may pass the coroutine on, or run it itself.
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class CallableFacts:
    """What is known of a callable, found out once."""

    path: str  # "module:qualname"
    kind: CallableKind
    source: Source | None
    description: str


_known: WeakKeyDictionary[FunctionType, CallableFacts] = WeakKeyDictionary()


def facts_of(func: Any) -> CallableFacts:
    """Return what is known of a callable; raises Refusal for what cannot be a task."""
    if type(func) is not FunctionType:
        return _examined(func)
    facts = _known.get(func)
    if facts is None:
        facts = _known[func] = _examined(func)
    return facts


def resolved(path: str) -> Any:
    """Return the object that "module:qualname" names among what is imported, or None."""
    module, _, qualname = path.partition(":")
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found


def is_same_function(one: Any, other: Any) -> bool:
    """Return whether two callables are one function, or the same code imported under two names."""
    one, other = _unwrapped(_core(one)), _unwrapped(_core(other))
    if one is other:
        return True
    code, others = getattr(one, "__code__", None), getattr(other, "__code__", None)
    if code is None or others is None or code.co_filename.startswith("<"):
        return False
    return bool(
        Path(code.co_filename).resolve() == Path(others.co_filename).resolve()
        and code.co_qualname == others.co_qualname
    )


def why_not_importable(func: Callable[..., Any], path: str) -> str:
    """Return why another process could not find the function by its path; "" if it could."""
    if "<lambda>" in path:
        return "a lambda has no name"
    if "<locals>" in path:
        return "it is made inside of another function"
    if path.startswith("__main__:") and not _has_file("__main__"):
        return (
            "it is defined in a notebook, in `python -c` or in what was typed or piped in, which no"
            " other process can read"
        )
    found = resolved(path)
    if found is func or (isinstance(func, MethodType) and found == func):
        return ""
    return f"importing {path} gives another object"


def _has_file(module: str) -> bool:
    file = getattr(sys.modules.get(module), "__file__", None)
    return isinstance(file, str) and Path(file).is_file()


def _examined(func: Any) -> CallableFacts:
    core = _core(func)
    _refuse_unless_callable(func, core)
    if isinstance(core, Command):
        return CallableFacts(core.path, CallableKind.COMMAND, None, core.shown)
    called = core if inspect.isroutine(core) else type(core).__call__
    if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
        raise Refusal("is a generator: calling it runs nothing", "Leave out `yield`.")
    inner = _unwrapped(called)
    return CallableFacts(
        path=_path(core),
        kind=_kind(called, inner),
        source=_source(inner),
        description=_first_line(inspect.getdoc(core) if inspect.isroutine(core) else None),
    )


def _core(func: Any) -> Any:
    while isinstance(func, partial):
        func = func.func
    return func


def _refuse_unless_callable(func: Any, core: Any) -> None:
    if inspect.iscoroutine(func) or inspect.isgenerator(func) or inspect.isasyncgen(func):
        if inspect.iscoroutine(func):
            func.close()  # else Python warns that it was never awaited
        raise Refusal("is the result of a call", "Name the function without ().")
    if isinstance(core, type):
        raise Refusal("is a class, not a function", "Name a function that uses it.")
    if not callable(core):
        raise Refusal("is not a function", "Name the function itself, without quotes.")


def _kind(called: Any, inner: Any) -> CallableKind:
    if inspect.iscoroutinefunction(called):
        return CallableKind.ASYNC
    return CallableKind.EITHER if inspect.iscoroutinefunction(inner) else CallableKind.PLAIN


def _unwrapped(called: Any) -> Any:
    try:
        return inspect.unwrap(called)
    except ValueError:  # it wraps itself
        return called


def _path(core: Any) -> str:
    named = core if inspect.isroutine(core) else type(core)
    return f"{named.__module__ or 'builtins'}:{named.__qualname__}"


def _source(inner: Any) -> Source | None:
    code = getattr(inner, "__code__", None)
    if code is None or code.co_filename.startswith("<"):
        return None
    return Source(code.co_filename, code.co_firstlineno)


def _first_line(doc: str | None) -> str:
    return (doc or "").strip().partition("\n")[0].strip()
