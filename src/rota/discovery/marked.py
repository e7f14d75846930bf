"""Functions marked by `@rota.task` in modules that are not task files.

Such modules are a FastAPI `main.py`, a script, or a Django `orders/tasks.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

from rota.definitions.define import Defaults
from rota.discovery.extract import Findings, findings, read_marks
from rota.discovery.finder import SourceFile, shown
from rota.discovery.import_errors import raised
from rota.discovery.importer import is_task_file, put_on_path
from rota.discovery.loader import LoadedFile
from rota.errors import RotaError, TaskFileError
from rota.task_api.decorator import Pending, pending_in


def load_modules(
    names: Sequence[str], project: Path, defaults: Defaults, former: Sequence[LoadedFile] = ()
) -> list[LoadedFile]:
    """Import modules and read their definitions, as for task files; never raises for their content.

    Modules of `former` that are already imported are kept.
    """
    put_on_path(project)
    known = {id(file.module): file for file in former if file.module is not None}
    return [_load(name, project, defaults, known) for name in names]


def _load(
    name: str, project: Path, defaults: Defaults, known: Mapping[int, LoadedFile]
) -> LoadedFile:
    where = f"manager.tasks_modules, {name}"
    path = project / f"{name.replace('.', '/')}.py"
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            what = f"there is no module {error.name!r}."
            remedy = "Check its name, and the directory that it is imported from."
            return LoadedFile(path, errors=(TaskFileError(what, where=where, remedy=remedy),))
        return LoadedFile(path, errors=(_broken(error, path, project),))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return LoadedFile(path, errors=(_broken(error, path, project),))
    if id(module) in known:
        return known[id(module)]
    source = _source(module, project)
    found = findings(module, source, defaults)
    return LoadedFile(
        path=source.path,
        module=module,
        definitions=tuple(found.definitions),
        register=found.register,
        errors=tuple(found.errors),
    )


def _broken(error: BaseException, path: Path, project: Path) -> RotaError:
    source = SourceFile(path, shown(path, project), b"")
    return raised(error, str(path)).error(source)


def imported(files: Sequence[LoadedFile]) -> Iterator[tuple[ModuleType, list[Pending]]]:
    """Yield the imported modules that have marks, except task files and the modules of `files`."""
    loaded = {id(file.module) for file in files}
    places = {str(file.path.resolve()) for file in files if file.module is not None}
    # A program that imports itself by name has its marks twice: those of the import are used.
    program = sys.modules.get("__main__")  # multiprocessing adds other names for it
    modules = [one for one in sys.modules.copy().values() if one is not program]
    for module in [*modules, program]:
        if not isinstance(module, ModuleType) or id(module) in loaded:
            continue
        loaded.add(id(module))
        if "__rota_tasks__" not in object.__getattribute__(module, "__dict__"):
            continue  # this check does not trigger the import of a lazy module
        file = getattr(module, "__file__", None)
        path = str(Path(file).resolve()) if file else ""
        if not is_task_file(module) and not (module is program and path and path in places):
            places.add(path)
            yield module, pending_in(module)


def read(
    module: ModuleType, marks: Sequence[Pending], project: Path, defaults: Defaults
) -> Findings:
    """Return the definitions of the marks of a module; never raises for its content."""
    found = Findings()
    read_marks(module, marks, _source(module, project), defaults, found)
    return found


def _source(module: ModuleType, project: Path) -> SourceFile:
    file = getattr(module, "__file__", None)
    path = Path(file).absolute() if file else Path(module.__name__)
    return SourceFile(path, shown(path, project) if file else module.__name__, _text(file))


def _text(file: str | None) -> bytes:
    try:
        return Path(file).read_bytes() if file and file.endswith(".py") else b""
    except OSError:
        return b""
