"""What an imported task file defines: its TASK_DEFINITIONS and its `@rota.task` functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

from rota.core.task import Source, TaskDefinition
from rota.decorator import Pending, pending_of
from rota.discovery.definitions import Defaults, define, define_entry
from rota.discovery.finder import SourceFile
from rota.discovery.notes import MISSING
from rota.discovery.places import DEFINITIONS, Places
from rota.errors import DefinitionError, Mistakes, RotaError

_REGISTER = "register_tasks"


@dataclass(slots=True)
class Findings:
    """What a module defines, what is wrong with the rest, and the ids of those that are wrong."""

    definitions: list[TaskDefinition] = field(default_factory=list)
    errors: list[RotaError] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    register: Callable[[Any], Any] | None = None

    def take(self, id: Any, make: Callable[..., TaskDefinition], *args: Any, **kwargs: Any) -> None:
        """Add what `make` returns when it is called, or the mistakes it raises."""
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
    """Read everything that a module defines; never raises for what stands in it."""
    found = Findings()
    places = Places(file.shown, file.text)
    has_list = hasattr(module, DEFINITIONS) and not places.imported
    if has_list:
        _read_list(getattr(module, DEFINITIONS), places, defaults, found)
    for func, pending in _marked(module):
        _read_pending(func, pending, file.shown, defaults, found)
    register = getattr(module, _REGISTER, None)
    # Beside TASK_DEFINITIONS it would only register the same tasks again.
    if not has_list and getattr(register, "__module__", None) == module.__name__:
        found.register = register
    return found


def _read_list(entries: Any, places: Places, defaults: Defaults, found: Findings) -> None:
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


def _marked(module: ModuleType) -> Iterator[tuple[Any, Pending]]:
    """Yield what `@rota.task` marked in this module, each mark once, in the order of the file."""
    seen: set[int] = set()
    for value in _own_values(module):
        for pending in pending_of(value):
            if id(pending) not in seen:  # functools.wraps copies marks
                seen.add(id(pending))
                yield value, pending


def _own_values(module: ModuleType) -> Iterator[Any]:
    for value in list(vars(module).values()):
        if getattr(value, "__module__", None) == module.__name__:
            yield value
            if isinstance(value, type):
                yield from (getattr(part, "__func__", part) for part in vars(value).values())


def _read_pending(
    func: Any, pending: Pending, file: str, defaults: Defaults, found: Findings
) -> None:
    named = getattr(func, "__name__", MISSING)
    id = named if pending.id is None else pending.id
    trigger = MISSING if pending.trigger is None else pending.trigger
    code = getattr(func, "__code__", None)
    source = Source(file, getattr(code, "co_firstlineno", None))
    if isinstance(func, FunctionType) and _is_in_class(func):
        what = "a function inside of a class cannot be a task."
        remedy = "Make it a function of the module."
        where = f"{source}, task {func.__qualname__!r}"
        found.errors.append(DefinitionError(what, where=where, remedy=remedy))
        return
    options = pending.options
    found.take(id, define, func, trigger, id, options, defaults=defaults, source=source)


def _is_in_class(func: FunctionType) -> bool:
    return "." in func.__qualname__.rpartition("<locals>.")[2]
