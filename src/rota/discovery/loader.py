"""Loading definitions from task files: valid ones are kept, and every error is reported."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from rota.core.task import TaskDefinition
from rota.definitions.define import Defaults
from rota.discovery import chained
from rota.discovery.extract import findings
from rota.discovery.finder import SourceFile, absolute, find, read, shown
from rota.discovery.import_errors import raised
from rota.discovery.importer import load_module
from rota.discovery.owners import Owners
from rota.discovery.sandbox import import_in_sandbox
from rota.errors import DefinitionError, RotaError, TaskFileError

TIMEOUT = 10.0
"""The most seconds that the import of a file may take."""


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """The content of a task file; after an error, also the content of its last good version."""

    path: Path
    fingerprint: str = ""
    module: ModuleType | None = None
    definitions: tuple[TaskDefinition, ...] = ()
    register: Callable[[Any], Any] | None = None  # its register_tasks, not called by the loader
    errors: tuple[RotaError, ...] = ()


@dataclass(slots=True)
class Catalogue:
    """Everything that the task files of a directory define, each id once, and every error."""

    definitions: list[TaskDefinition] = field(default_factory=list)
    errors: list[RotaError] = field(default_factory=list)
    files: list[LoadedFile] = field(default_factory=list)

    @classmethod
    def of(cls, files: Iterable[LoadedFile]) -> Catalogue:
        """Return what these files define, each id once."""
        return _catalogue(chained.checked(_distinct(files)))

    def generation(self) -> str:
        """Return a hash that is equal on nodes with the same task files; "" without task files."""
        if not self.files:
            return ""
        texts = sorted(f"{file.path.name} {file.fingerprint}" for file in self.files)
        return hashlib.blake2b("\n".join(texts).encode(), digest_size=4).hexdigest()


def load_directory(
    directory: str | Path | Sequence[str | Path],
    project: str | Path,
    defaults: Defaults,
    *,
    timeout: float = TIMEOUT,
    check_owners: bool = True,
    previous: Catalogue | None = None,
    modules: Callable[[Path], Iterable[LoadedFile]] | None = None,
) -> Catalogue:
    """Load every task file below one directory or several; never raises for their content.

    `directory` is relative to `project`; `timeout` is in seconds, for each file. With
    `check_owners`, files that other users may change are rejected. Unchanged files of `previous`
    are kept, and so is the last good version of a file that is broken now. `modules` loads the
    modules that are named in addition to the directories.
    """
    project = absolute(project, Path())
    former = {file.path: file for file in previous.files} if previous else {}
    loaded: dict[Path, LoadedFile] = {}
    missing: list[RotaError] = []
    for one in [directory] if isinstance(directory, str | Path) else directory:
        top = absolute(one, project)
        try:
            paths = [path for path in find(top) if path not in loaded]
        except OSError as error:
            what = f"the directory of task files cannot be read ({error.strerror or error})."
            remedy = "Create it, or name another one in manager.tasks_directory."
            missing.append(MissingDirectory(what, where=shown(top, project), remedy=remedy))
            kept = [file for file in former.values() if file.path.is_relative_to(top)]
            loaded.update((file.path, file) for file in kept)
            continue
        owners = Owners(top, project) if check_owners else None
        found = _loaded(paths, project, defaults, timeout, former, owners)
        loaded.update((file.path, file) for file in found)
    named = list(modules(project)) if modules is not None else []
    return _catalogue(chained.checked(_distinct([*loaded.values(), *named])), *missing)


class MissingDirectory(TaskFileError):
    """A directory of task files cannot be read."""


def load_file(
    path: str | Path,
    project: str | Path,
    defaults: Defaults,
    *,
    timeout: float = TIMEOUT,
    check_owners: bool = True,
    previous: LoadedFile | None = None,
) -> LoadedFile:
    """Load one task file, as `load_directory` does; it may be in any directory."""
    project = absolute(project, Path())
    path = absolute(path, project)
    former = {path: previous} if previous else {}
    owners = Owners(path.parent, project) if check_owners else None
    return next(iter(_distinct(_loaded([path], project, defaults, timeout, former, owners))))


def _catalogue(files: list[LoadedFile], *errors: RotaError) -> Catalogue:
    return Catalogue(
        definitions=[definition for file in files for definition in file.definitions],
        errors=[*errors, *(error for file in files for error in file.errors)],
        files=files,
    )


def _loaded(
    paths: Iterable[Path],
    project: Path,
    defaults: Defaults,
    timeout: float,
    former: Mapping[Path, LoadedFile],
    owners: Owners | None,
) -> list[LoadedFile]:
    files: dict[Path, LoadedFile] = {}
    changed: list[SourceFile] = []
    for path in paths:
        last = former.get(path, LoadedFile(path))
        try:
            if owners is not None:
                owners.check(path)
            source = read(path, project)
        except TaskFileError as error:
            files[path] = replace(last, errors=(error,))
            continue
        if source.fingerprint == last.fingerprint and not last.errors:
            files[path] = last
        elif (
            source.may_define or last.definitions or last.register
        ):  # a file in the middle of being saved may be cut short
            files[path] = last
            changed.append(source)
    broken = import_in_sandbox(changed, project, timeout)
    for source in changed:
        last = files[source.path]
        if source.path in broken:
            files[source.path] = replace(last, errors=(broken[source.path],))
        else:
            files[source.path] = _imported(source, project, defaults, last)
    return list(files.values())


def _imported(
    source: SourceFile, project: Path, defaults: Defaults, last: LoadedFile
) -> LoadedFile:
    try:
        module = load_module(source, project)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: the file passed in the sandbox, but not here
        failure = raised(error, str(source.path))
        return replace(last, errors=(failure.error(source),))
    found = findings(module, source, defaults)
    stale = found.refused.difference(definition.id for definition in found.definitions)
    kept = [definition for definition in last.definitions if definition.id in stale]
    return LoadedFile(
        path=source.path,
        fingerprint=source.fingerprint,
        module=module,
        definitions=(*found.definitions, *kept),
        register=found.register,
        errors=tuple(found.errors),
    )


def _distinct(files: Iterable[LoadedFile]) -> list[LoadedFile]:
    """Reject every definition whose id was defined earlier, in the same or another file."""
    first: dict[str, TaskDefinition] = {}
    return [_without_repeated(file, first) for file in files]


def _without_repeated(file: LoadedFile, first: dict[str, TaskDefinition]) -> LoadedFile:
    kept: list[TaskDefinition] = []
    errors: list[RotaError] = []
    for definition in file.definitions:
        earlier = first.setdefault(definition.id, definition)
        if earlier is definition:
            kept.append(definition)
        else:
            where = f"{definition.source}, task {definition.id!r}"
            what = f"the id is already used in {earlier.source}."
            remedy = "Give one of the two another id."
            errors.append(DefinitionError(what, where=where, remedy=remedy))
    if not errors:
        return file
    return replace(file, definitions=tuple(kept), errors=(*file.errors, *errors))
