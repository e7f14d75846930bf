"""The one place that checks a task's definition, whichever way it was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, tzinfo
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal, Protocol

from rota.core.task import (
    JOB,
    Catchup,
    ExecutorName,
    OnCrash,
    Overlap,
    Policy,
    Source,
    TaskDefinition,
)
from rota.core.trigger import Trigger
from rota.definitions.arguments import ArgumentMismatch, parameters_of
from rota.definitions.callables import CallableFacts, CallableKind, facts_of, why_not_importable
from rota.definitions.common_arguments import with_common
from rota.definitions.definition_errors import MISSING, ErrorCollector, note_trigger
from rota.definitions.options import OPTIONS, POLICY
from rota.definitions.readers import ExecutorChoice, tabulated, task_id
from rota.errors import MOST_LISTED, TriggerError, nearest
from rota.triggers import foreign_options, parse, resolved, zone_of
from rota.triggers.kinds import ARGUMENTS, KINDS
from rota.triggers.parsing import in_short, without_none
from rota.triggers.trigger_errors import quoted
from rota.triggers.zones import read_zone

_MOST_UNKNOWN = 20
"""Unknown options that are named one by one."""

_NOTHING: Mapping[str, Any] = {}  # one for all, and plain so that it can be pickled


class Defaults(Protocol):
    """The values of options that a task leaves out; the configuration's section `manager` is one
    such object.
    """

    max_task_retries: int
    task_timeout: float
    overlap: str
    queue_limit: int
    catchup: str
    catchup_window: float
    catchup_limit: int
    start_deadline: float | None
    on_crash: str | None
    auto_restart_tasks: bool
    max_crashes: int
    retry_delay: float
    retry_backoff: float
    retry_max_delay: float
    executor: Literal["auto", "async", "thread", "process"]
    timezone: str
    dst: Literal["adjust", "skip", "both"]

    @property
    def calendars(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the definition of each calendar by its name."""


def define(
    func: Callable[..., Any],
    trigger: str | None,
    id: str | None,
    options: Mapping[str, Any],
    *,
    defaults: Defaults,
    source: Source | None = None,
    lines: Mapping[str, int] = _NOTHING,
    label: str = "",
) -> TaskDefinition:
    """Return the definition of a task, checked; raises DefinitionError, or Mistakes for several.

    The trigger's arguments are among the options, or given separately in `trigger_args`. `lines`
    holds the line of the source for each key, if that is known; `label` names a definition that has
    no id. An option or an argument of the trigger that is None is not given. Without a trigger it
    is a job.
    """
    trigger, id = map(_or_missing, (trigger, id))
    if trigger is MISSING:
        short, options = in_short(options)
        trigger = JOB if short is None else short
    notes = ErrorCollector(f"task {quoted(id)}" if id is not MISSING else label, source, lines)
    name = notes.read("id", id, task_id)
    facts: CallableFacts | None = notes.read("func", func, facts_of)
    given, trigger_args = _sorted(options, trigger, notes)
    trigger_args, prefix = _with_calendars(trigger_args, options, defaults, notes)
    zone = _zone(given, trigger, trigger_args, defaults, notes)
    dst = str(given.pop("dst", defaults.dst))
    rule = _read_trigger(trigger, trigger_args, zone, dst, prefix, str(name), notes)
    args, kwargs = given.pop("args", ()), given.pop("kwargs", _NOTHING)
    executor = ExecutorName.THREAD
    if facts is not None:
        if notes.refused.isdisjoint(("args", "kwargs")):
            args, kwargs = _arguments(func, facts, args, kwargs, notes, in_part=trigger == JOB)
            _check_overlap_key(func, given, notes)
        executor = _executor(func, facts, given, defaults, notes)
    _check_overlap(given, trigger, defaults, notes)
    _ask_for_delays(given, defaults, notes)
    notes.finish()
    if facts is None:
        raise AssertionError("noted above")
    return TaskDefinition(
        id=name,
        name=given.pop("name", name),
        func=func,
        func_path=facts.path,
        trigger=trigger,
        trigger_args=trigger_args,
        executor=executor,
        enabled=given.pop("enabled", True),
        timezone=zone,
        dst=dst,
        args=args,
        kwargs=kwargs,
        description=given.pop("description", facts.description),
        source=source or facts.source,
        policy=_policy(_default_values(defaults), tuple(given.items())),
        rule=rule,
    )


def define_entry(
    entry: Mapping[str, Any],
    label: str,
    defaults: Defaults,
    source: Source | None = None,
    lines: Mapping[str, int] = _NOTHING,
) -> TaskDefinition:
    """Return the definition of an entry of TASK_DEFINITIONS, checked; raises as `define` does.
    `label` names the entry if it has no id."""
    is_short = entry.get("trigger") is None and in_short(entry)[0] is not None
    is_bare = entry.get("trigger_args") is None and not is_short
    options = {**entry, "trigger_args": {}} if is_bare else dict(entry)
    func, trigger, id = (options.pop(key, MISSING) for key in ("func", "trigger", "id"))
    return define(
        func, trigger, id, options, defaults=defaults, source=source, lines=lines, label=label
    )


def json_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return a trigger's arguments as JSON: dates as ISO texts, zones by their names."""
    return {name: _json(value) for name, value in args.items()}


def _sorted(
    options: Mapping[str, Any], trigger: Any, notes: ErrorCollector
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Return the options, each one read, and the trigger's arguments, unread."""
    given: dict[str, Any] = {}
    trigger_args: dict[str, Any] = {}
    options = with_common(options)
    apart = options.get("trigger_args") is not None
    unknown: list[Any] = []
    for key, value in options.items():
        option = OPTIONS.get(key)
        if value is None and (option is not None or key in ARGUMENTS):
            continue
        if option is not None:
            read = notes.read(key, value, option.read)
            if key not in notes.refused:
                given[key] = read
        elif key not in ARGUMENTS:
            unknown.append(key)
            if len(unknown) <= _MOST_UNKNOWN:
                _note_unknown(key, trigger, notes)
        elif apart:
            notes.add(key, "is an argument of the trigger.", "Move it into trigger_args.")
        else:
            trigger_args[key] = value
    left = len(unknown) - _MOST_UNKNOWN
    if left > 0:  # searching the nearest known name of each would take too long
        last = str(unknown[-1])[:80]
        notes.add(last, f"there is no such option, nor are {left:,} more.", "Leave them out.")
    return given, without_none(given.pop("trigger_args", trigger_args))


def _with_calendars(
    args: Mapping[str, Any], options: Mapping[str, Any], defaults: Defaults, notes: ErrorCollector
) -> tuple[Mapping[str, Any], str]:
    """Return a trigger's arguments with the definitions of their calendars, and their place."""
    prefix = "" if options.get("trigger_args") is None else "trigger_args."
    try:
        return resolved(args, defaults.calendars), prefix
    except TriggerError as error:
        note_trigger(error, prefix, notes)
        notes.refused.add("trigger_args")  # that it is no calendar is said once
        return args, prefix


def _or_missing(value: Any) -> Any:
    return MISSING if value is None else value


def _note_unknown(key: Any, trigger: Any, notes: ErrorCollector) -> None:
    kind = KINDS.get(trigger) if isinstance(trigger, str) else None
    fields = kind.arguments if kind is not None else ()
    hint = foreign_options.instead_of(key)
    if not hint and isinstance(key, str):
        hint = nearest(key, list({*OPTIONS, *fields}))
    notes.add(str(key)[:80], "there is no such option.", hint or "Names are texts.")


def _zone(
    given: dict[str, Any],
    trigger: Any,
    trigger_args: Mapping[str, Any],
    defaults: Defaults,
    notes: ErrorCollector,
) -> str:
    """Return the name of the zone that holds, from the options, the trigger or the defaults."""
    named = zone_of(trigger, trigger_args) if isinstance(trigger, str) else None
    if "timezone" in given and named is not None:
        notes.add("timezone", "is given twice, also in trigger_args.", "Keep one.")
    try:
        if "timezone" in given:
            return read_zone(given.pop("timezone")).key
    except TriggerError as error:
        notes.add("timezone", error.what, error.remedy)
    try:
        if named is not None:
            return read_zone(named).key
    except TriggerError:
        pass  # `parse` reports it, with everything else that is wrong with the trigger
    return defaults.timezone


def _read_trigger(
    trigger: Any,
    args: Mapping[str, Any],
    zone: str,
    dst: str,
    prefix: str,
    task_id: str,
    notes: ErrorCollector,
) -> Trigger | None:
    if "trigger_args" in notes.refused:
        return None
    try:
        return parse(trigger, args, timezone=zone, dst=dst, task_id=task_id)
    except TriggerError as error:
        note_trigger(error, prefix, notes)
        return None


def _arguments(
    func: Callable[..., Any],
    facts: CallableFacts,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    notes: ErrorCollector,
    *,
    in_part: bool = False,
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Return the arguments as they are kept; notes what the function does not take, or JSON.

    Of a job, `in_part`, the others are handed in with each run.
    """
    parameters = parameters_of(func)
    mismatches = parameters.mismatches(args, kwargs, in_part=in_part)
    if mismatches:
        key = "kwargs" if kwargs else "args" if args else "func"
        why = "; ".join(one.what for one in mismatches[:MOST_LISTED])
        what = f"{facts.path} cannot be called like this: {why}. It is {parameters}."
        hint = next((one.remedy for one in mismatches if one.remedy), "")
        notes.add(
            key, what, hint or "Give what it needs in args or kwargs; rota passes nothing else."
        )
    if mismatches or not (args or kwargs):
        return args, kwargs
    unkept: list[ArgumentMismatch] = []
    stored = parameters.stored(args, kwargs, unkept)
    for one in unkept:
        key = "kwargs" if one.name in kwargs else "args"
        what = f"{one.name!r} of {parameters}: {one.what}." if one.name else f"{one.what}."
        notes.add(key, what, one.remedy or "Give JSON, or what the annotation names.")
    return stored


def _check_overlap(
    given: dict[str, Any], trigger: Any, defaults: Defaults, notes: ErrorCollector
) -> None:
    """Give a job its own default, and note a limit that says the opposite."""
    if trigger == JOB:
        given.setdefault("overlap", Overlap.ALLOW)
    overlap = Overlap(given.get("overlap", defaults.overlap))
    if given.get("max_running") is not None and overlap is not Overlap.ALLOW:
        remedy = "Write overlap='allow' as well, or leave it out."
        notes.add("max_running", f"with overlap={overlap.value!r} one runs at a time.", remedy)


def _ask_for_delays(given: dict[str, Any], defaults: Defaults, notes: ErrorCollector) -> None:
    """Replace a function in `retry_delay` by what it returns for each retry."""
    delay = given.get("retry_delay")
    if callable(delay):
        retries = given.get("max_retries", defaults.max_task_retries)
        table = notes.read("retry_delay", delay, lambda func: tabulated(func, retries))
        if "retry_delay" not in notes.refused:
            given["retry_delay"] = table


def _check_overlap_key(
    func: Callable[..., Any], given: dict[str, Any], notes: ErrorCollector
) -> None:
    """Note the names in `overlap_key` that are no parameters of the function."""
    parameters = parameters_of(func)
    for name in given.get("overlap_key", ()):
        if not parameters.takes(name):
            remedy = parameters.explained(name) or "Name one of its arguments."
            notes.add("overlap_key", f"{parameters} has no argument {name!r}.", remedy)


def _executor(
    func: Callable[..., Any],
    facts: CallableFacts,
    given: dict[str, Any],
    defaults: Defaults,
    notes: ErrorCollector,
) -> ExecutorName:
    """Return the executor of the task; the default gives way if it does not fit the function."""
    natural = ExecutorName.ASYNC if facts.kind is CallableKind.ASYNC else ExecutorName.THREAD
    wanted = given.pop("executor", None)
    if facts.kind is CallableKind.COMMAND:
        if wanted is ExecutorChoice.ASYNC:
            remedy = "Leave `executor` out."
            notes.add("executor", "a command is a process of its own.", remedy)
        return ExecutorName.THREAD
    if wanted is None:
        preferred = ExecutorChoice(defaults.executor)
        wanted = preferred if preferred is ExecutorChoice.PROCESS else ExecutorChoice.AUTO
    if wanted is ExecutorChoice.PROCESS:
        why = why_not_importable(func, facts.path)
        if why:
            remedy = "Use a function of a module, or executor 'auto'."
            notes.add("executor", f"another process cannot call it: {why}.", remedy)
    elif wanted is ExecutorChoice.ASYNC and facts.kind is CallableKind.PLAIN:
        remedy = "Write `async def`, or leave `executor` out to run it in a thread."
        notes.add("executor", f"{facts.path} is no coroutine function.", remedy)
    elif wanted is ExecutorChoice.THREAD and facts.kind is CallableKind.ASYNC:
        remedy = "Write `def`, or leave `executor` out to run it on the task loop."
        notes.add("executor", f"{facts.path} is a coroutine function.", remedy)
    return natural if wanted is ExecutorChoice.AUTO else ExecutorName(wanted.value)


_DEFAULTS = {name: option.default for name, option in POLICY.items() if option.default}
_default_values = attrgetter(*_DEFAULTS.values(), "auto_restart_tasks")


@lru_cache(maxsize=4096)
def _policy(defaults: tuple[Any, ...], changes: tuple[tuple[str, Any], ...]) -> Policy:
    """Return the defaults with a task's own rules in their place; equal results share one
    object.
    """
    values: dict[str, Any] = dict(zip((*_DEFAULTS, "restarts"), defaults, strict=True))
    restarts = values.pop("restarts")
    values["overlap"] = Overlap(values["overlap"])
    values["catchup"] = Catchup(values["catchup"])
    values["on_crash"] = OnCrash(values["on_crash"] or ("restart" if restarts else "lose"))
    values |= dict(changes)
    if "queue_limit" not in dict(changes):
        # The default is meant for those that wait for their own turn: one of them, if not changed.
        waits = values["overlap"] is not Overlap.ALLOW and values["queue_limit"] > 1
        values["queue_limit"] = values["queue_limit"] if waits else None
    return _shared(Policy(**values))


@lru_cache(maxsize=4096)
def _shared(policy: Policy) -> Policy:
    return policy


def _json(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime() | date():
            return value.isoformat()
        case tzinfo():
            return getattr(value, "key", None) or str(value)
        case Mapping():
            return {str(key): _json(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_json(inner) for inner in value]
    return str(value)
