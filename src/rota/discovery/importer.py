"""Importing a task file under the name by which the user's own code imports it."""

from __future__ import annotations

import os
import re
import sys
from hashlib import blake2b
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from rota.discovery.finder import SourceFile, absolute, read

_MARK = "__rota_fingerprint__"


def load_module(source: SourceFile, project: Path) -> ModuleType:
    """Return the module of a file; an unchanged module that is already imported is not run again.

    A changed file is run again; if that raises, the former module stays in `sys.modules`. Raises
    every exception that the file raises.
    """
    put_on_path(project)
    name = module_name(source.path, project)
    former = sys.modules.get(name)
    if former is not None and vars(former).setdefault(_MARK, source.fingerprint) == (
        source.fingerprint
    ):
        return former
    return _run(name, source, former)


def is_task_file(module: ModuleType) -> bool:
    """Return whether any task manager of this process loaded the module as a task file."""
    return _MARK in vars(module)


def load_function(file: str | None, path: str, project: str) -> Any:
    """Return the function "module:qualname" for a worker process; imports its task file first.

    `file` is absolute or relative to `project`. If it no longer imports, the last good version in
    this process is used; if there is none, this raises the exception of the import. Raises
    AttributeError if there is no such function.
    """
    root = absolute(project, Path())
    put_on_path(root)
    module, _, qualname = path.rpartition(":")
    found: Any = None if file is None else _newest(absolute(file, root), root)
    if module not in ("", "__main__", getattr(found, "__name__", None)):
        found = import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    return found


def _newest(path: Path, project: Path) -> ModuleType:
    try:
        return load_module(read(path, project), project)
    except Exception:
        former = sys.modules.get(module_name(path, project))
        if former is None:
            raise
        return former


def put_on_path(project: Path) -> None:
    """Put the project on `sys.path`, as `python script.py` in it does."""
    if str(project) not in map(os.path.abspath, sys.path):
        sys.path.insert(0, str(project))


def module_name(path: Path, project: Path) -> str:
    """Return the name by which the user's own code would import a file.

    The packages of the name are imported to find out. If the name is no identifier, is outside
    of the project or means another module, a name made from the path is returned instead.
    """
    for root in _roots(path, project):
        parts = path.relative_to(root).with_suffix("").parts
        if all(part.isidentifier() for part in parts):
            name = ".".join(parts)
            if _is_free_or_ours(name, path) and _is_reached(parts[:-1], path.parent):
                return name
    digest = blake2b(os.fsencode(path), digest_size=4).hexdigest()
    return f"rota_task_file_{re.sub(r'[^A-Za-z0-9]', '_', path.stem)}_{digest}"


def _roots(path: Path, project: Path) -> list[Path]:
    """Return the directories from which the packages of a file may be imported, the nearest first.

    These are the project, and directories in it that are on `sys.path`, as `src` often is. The
    file's own directory does not count: a script puts it there only because it is in it.
    """
    on_path = {Path(entry).absolute() for entry in sys.path if isinstance(entry, str)}
    above = [one for one in path.parents if one.is_relative_to(project)]
    return [one for one in above if one == project or (one in on_path and one != path.parent)]


def _is_free_or_ours(name: str, path: Path) -> bool:
    module = sys.modules.get(name)
    return module is None or _same(getattr(module, "__file__", None), path)


def _is_reached(parents: tuple[str, ...], directory: Path) -> bool:
    if not parents:
        return True
    try:
        package = import_module(".".join(parents))
    except ModuleNotFoundError as error:
        if error.name is not None and ".".join(parents).startswith(error.name):
            return False
        raise
    return any(_same(place, directory) for place in getattr(package, "__path__", ()))


def _same(place: str | None, path: Path) -> bool:
    try:
        return place is not None and path.samefile(place)
    except OSError:
        return False


def _run(name: str, source: SourceFile, former: ModuleType | None) -> ModuleType:
    """Run the text that was read, never cached bytecode: two versions may share size and second."""
    place = str(source.path)
    spec = ModuleSpec(name, SourceFileLoader(name, place), origin=place)
    spec.has_location = True
    code = compile(source.text, place, "exec", dont_inherit=True)
    module = module_from_spec(spec)
    setattr(module, _MARK, source.fingerprint)
    sys.modules[name] = module
    try:
        exec(code, vars(module))
    except BaseException:
        if former is None:
            del sys.modules[name]
        else:
            sys.modules[name] = former
        raise
    parent, _, leaf = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], leaf, module)
    return module
