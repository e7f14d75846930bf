"""Reading what an imported task file defines: TASK_DEFINITIONS and `@rota.task` functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from types import CodeType, FunctionType, ModuleType
from typing import Any

from rota.core.task import Source, TaskDefinition
from rota.definitions.define import Defaults, define, define_entry
from rota.definitions.definition_errors import MISSING
from rota.discovery.finder import SourceFile
from rota.discovery.source_lines import DEFINITIONS, EntryLines
from rota.errors import DefinitionError, Mistakes, RotaError
from rota.task_api.decorator import Pending, pending_in

_REGISTER = "register_tasks"
_HIDDEN: Any = object()  # the value of a marked function that was replaced by an unknown object
_MOST_LAYERS = 100  # decorators on one function: some objects have an endless `__wrapped__` chain


@dataclass(slots=True)
class Findings:
    """The valid definitions of a module, the errors in the others, and the ids of those."""

    definitions: list[TaskDefinition] = field(default_factory=list)
    errors: list[RotaError] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    register: Callable[[Any], Any] | None = None

    def take(self, id: Any, make: Callable[..., TaskDefinition], *args: Any, **kwargs: Any) -> None:
        """Call `make` and add the definition that it returns, or the errors that it raises."""
        try:
            self.definitions.append(make(*args, **kwargs))
        except Mistakes as mistakes:
            self._refuse(id, *mistakes.errors)
        except RotaError as error:
            self._refuse(id, error)

    def _refuse(self, id: Any, *errors: RotaError) -> None:
        self.errors += errors
        if isinstance(id, str):
            self.refused.add(id)


def findings(module: ModuleType, file: SourceFile, defaults: Defaults) -> Findings:
    """Return everything that a module defines; never raises for its content."""
    found = Findings()
    places = EntryLines(file.shown, file.text)
    has_list = hasattr(module, DEFINITIONS) and not places.imported
    if has_list:
        _read_list(getattr(module, DEFINITIONS), places, defaults, found)
    read_marks(module, pending_in(module), file, defaults, found)
    register = getattr(module, _REGISTER, None)
    # If there is a TASK_DEFINITIONS, it would only register the same tasks again.
    if not has_list and getattr(register, "__module__", None) == module.__name__:
        found.register = register
    return found


def _read_list(entries: Any, places: EntryLines, defaults: Defaults, found: Findings) -> None:
    if not isinstance(entries, list | tuple):
        where = f"{Source(places.file, places.line)}, {DEFINITIONS}"
        what = f"it is of type {type(entries).__name__}, not a list."
        remedy = "Write [ … ] around the definitions, one dict for each task."
        found.errors.append(DefinitionError(what, where=where, remedy=remedy))
        return
    for index, entry in enumerate(entries):
        source, lines = places.of_entry(index, entry)
        label = f"{DEFINITIONS}[{index}]"
        if isinstance(entry, Mapping):
            found.take(entry.get("id"), define_entry, entry, label, defaults, source, lines)
        else:
            what = f"it is of type {type(entry).__name__}, not a dict."
            remedy = "Write {'id': …, 'func': …, 'trigger': …}."
            found.errors.append(DefinitionError(what, where=f"{source}, {label}", remedy=remedy))


def read_marks(
    module: ModuleType,
    marks: Sequence[Pending],
    file: SourceFile,
    defaults: Defaults,
    found: Findings,
) -> None:
    """Add the definitions that `@rota.task` marked to `found`, in the order of the file."""
    values = _values_by_function(module)
    marked = {id(mark.func) for mark in marks}
    for _, stack in groupby(marks, lambda mark: id(mark.func)):
        for mark in reversed(list(stack)):  # the lowest decorator ran first
            otherwise = _HIDDEN if _is_hidden(mark.func, module, marked) else mark.func
            func = values.get(id(mark.func), otherwise)
            task_id = _attribute(mark.func, "__name__", MISSING) if mark.id is None else mark.id
            source = Source(file.shown, _line(mark, file))
            found.take(task_id, _define_mark, mark, func, task_id, source, defaults)


def _define_mark(
    mark: Pending, func: Any, id: Any, source: Source, defaults: Defaults
) -> TaskDefinition:
    """Return the definition of a mark, with the object that replaced the function.

    Raises DefinitionError, or Mistakes, as `define` does.
    """
    if isinstance(mark.func, FunctionType) and _is_in_class(mark.func):
        what = "a function inside of a class cannot be a task."
        remedy = "Make it a function of the module."
        where = f"{source}, task {mark.func.__qualname__!r}"
        raise DefinitionError(what, where=where, remedy=remedy)
    if func is _HIDDEN:
        what = "a decorator above @rota.task, or other code, put another object in its place."
        remedy = "Write @rota.task at the top, or use functools.wraps in the decorator."
        raise DefinitionError(what, where=f"{source}, task {id!r}", remedy=remedy)
    return define(
        func, mark.trigger, id, mark.options, defaults=defaults, source=source, label="@rota.task"
    )


def _values_by_function(module: ModuleType) -> dict[int, Any]:
    """Return the module's value for each function, by the identity of the function.

    The value is the function itself, or the outermost wrapper if `functools.wraps` records it.
    """
    found: dict[int, Any] = {}
    for value in list(vars(module).values()):
        if _attribute(value, "__module__", None) == module.__name__:
            for layer in _layers(value):
                found.setdefault(id(layer), value)
    return found


def _layers(value: Any) -> Iterator[Any]:
    for _ in range(_MOST_LAYERS):
        yield value
        value = _attribute(value, "__wrapped__", None)
        if value is None:
            return


def _attribute(value: Any, name: str, otherwise: Any) -> Any:
    """Return an attribute, or `otherwise` if it is missing or the user's `__getattr__` raises."""
    try:
        return getattr(value, name, otherwise)
    except Exception:
        return otherwise


def _is_hidden(func: Any, module: ModuleType, marked: set[int]) -> bool:
    """Return whether the name of a module's function now holds an object that is no task."""
    if not isinstance(func, FunctionType) or func.__module__ != module.__name__:
        return False
    return id(vars(module).get(func.__qualname__, func)) not in marked


def _line(mark: Pending, file: SourceFile) -> int:
    """Return the first line of a marked function, its decorators included.

    If the function is not defined in the file, return the line of the mark.
    """
    code = _attribute(mark.func, "__code__", None)
    if isinstance(code, CodeType) and code.co_filename == str(file.path):
        return code.co_firstlineno
    return mark.line


def _is_in_class(func: FunctionType) -> bool:
    return "." in func.__qualname__.rpartition("<locals>.")[2]
