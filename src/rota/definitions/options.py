"""What each option of a task may be, and how it is said when it is something else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from unicodedata import category

from rota.core.limits import rate_of
from rota.core.task import Catchup, ExecutorName, OnCrash, Overlap, Policy
from rota.errors import nearest
from rota.triggers import foreign_options

Reader = Callable[[Any], Any]
Word = TypeVar("Word", bound=StrEnum)

LONGEST_TEXT = 200
_LONGEST_DESCRIPTION = 10_000
_MOST = 1_000_000
_LONGEST_SPAN = 1_000_000_000  # thirty years in seconds; below what the platform's timers can wait
_NOT_WRITTEN = {"Cc", "Cs", "Zl", "Zp"}  # control characters, half surrogates, line separators


class Refusal(Exception):
    """Why a value is not accepted (`why` goes on after the value), and what to write instead."""

    def __init__(self, why: str, remedy: str = "") -> None:
        self.why = why
        self.remedy = remedy
        super().__init__(why, remedy)


def whole(least: int, most: int = _MOST) -> Reader:
    """Make the reader of a whole number from `least` to `most`."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Refusal("is not a whole number", f"Write one from {least} on, without quotes.")
        if not least <= value <= most:
            raise Refusal("is out of range", f"Write one from {least:,} to {most:,}.")
        return int(value)

    return read


def number(least: float, most: float, unit: str, *, above: bool = False) -> Reader:
    """Make the reader of a number from `least` (or above it) to `most`."""
    bounds = f"above {least:,}" if above else f"from {least:,} on"

    def read(value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Refusal(f"is not a number of {unit}", f"Write one {bounds}, without quotes.")
        if not least <= value <= most or (above and value == least):
            raise Refusal("is out of range", f"Write {unit} {bounds}, and up to {most:,}.")
        return float(value)

    return read


def word(kind: type[Word]) -> Reader:
    """Make the reader of one of a few words."""
    words = [member.value for member in kind]

    def read(value: Any) -> Word:
        if isinstance(value, str) and value in words:
            return kind(value)
        hint = nearest(value, words) if isinstance(value, str) else ""
        choice = f"Write one of {', '.join(map(repr, words))}."
        raise Refusal("is not possible here", hint if hint.startswith("Did") else choice)

    return read


def _executor(value: Any) -> ExecutorChoice:
    try:
        read: ExecutorChoice = word(ExecutorChoice)(value)
    except Refusal as refusal:
        instead = foreign_options.EXECUTORS.get(value) if isinstance(value, str) else None
        raise Refusal(refusal.why, instead or refusal.remedy) from None
    return read


def text(longest: int = LONGEST_TEXT, *, lines: bool = False) -> Reader:
    """Make the reader of a text that is not blank; `lines` lets it have several."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise Refusal("is not a text", "Write it in quotes.")
        if not value.strip():
            raise Refusal("is empty", "Write what it is to be.")
        if len(value) > longest:
            raise Refusal(f"has {len(value)} characters", f"At most {longest} are possible.")
        if not value.isprintable() and any(
            category(char) in _NOT_WRITTEN and not (lines and char in "\n\t") for char in value
        ):
            raise Refusal("holds a control character", "Leave it out.")
        return str(value)

    return read


_text = text()


def task_id(value: Any) -> str:
    """Read the id of a task."""
    name: str = _text(value)
    if name != name.strip():
        raise Refusal("begins or ends with a space", "Leave it out.")
    if name in (".", ".."):
        raise Refusal("means a directory in an address", "Write a name.")
    return name


def shared_name(kind: str, example: str) -> Reader:
    """Make the reader of a name that tasks share: what brokers of every kind take as a part."""

    def read(value: Any) -> str:
        name: str = _text(value)
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,49}", name):
            remedy = f"Use small letters, digits, _ and -, fifty at most: {example!r}."
            raise Refusal(f"cannot be {kind}", remedy)
        return name

    return read


def rate(value: Any) -> str:
    """Read a rate."""
    text: str = _text(value)
    try:
        rate_of(text)
    except ValueError:
        raise Refusal(
            "is not a rate", "Write how many starts per s, m, h or d, like '10/m'."
        ) from None
    return text


def flag(value: Any) -> bool:
    """Read True or False."""
    if not isinstance(value, bool):
        raise Refusal("is neither True nor False", "Write one of the two, without quotes.")
    return value


def positional(value: Any) -> tuple[Any, ...]:
    """Read the positional arguments of a function."""
    if not isinstance(value, list | tuple):
        raise Refusal("is not a list of arguments", "Write [ … ], also around a single one.")
    return tuple(value)


def named(value: Any) -> Mapping[str, Any]:
    """Read a mapping from names to values."""
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise Refusal("is not a dict from names to values", "Write {'name': value}.")
    return dict(value)


def exceptions(value: Any) -> tuple[str, ...]:
    """Read one or several exceptions, classes or names, as the names that outcomes carry."""
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(dict.fromkeys(map(_exception, items)))


def _exception(value: Any) -> str:
    if isinstance(value, type) and issubclass(value, BaseException):
        if value.__module__ == "builtins":
            return value.__name__
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, str) and all(part.isidentifier() for part in value.split(".")):
        return value
    raise Refusal(
        "names no exception",
        "Write the class, or its name like 'ValueError' or 'package.module.Error', or a list.",
    )


def or_none(read: Reader) -> Reader:
    """Make the reader of what `read` reads, and of None."""
    return lambda value: None if value is None else read(value)


class ExecutorChoice(StrEnum):
    """Where a task runs, as users say it."""

    AUTO = "auto"
    ASYNC = ExecutorName.ASYNC.value
    THREAD = ExecutorName.THREAD.value
    PROCESS = ExecutorName.PROCESS.value


class ClockChange(StrEnum):
    """What a fixed local time does on the days when clocks change."""

    ADJUST = "adjust"
    SKIP = "skip"
    BOTH = "both"


_span = number(0, _LONGEST_SPAN, "seconds")
_positive_span = number(0, _LONGEST_SPAN, "seconds", above=True)


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a task: everything that another part of rota asks of it.

    `default` is the key of the configuration's section `manager` that holds if the task names
    none; `otherwise` says what holds if there is no such key. Those with a `label` are shown on the
    task's page, as `shown` has them.
    """

    name: str
    read: Reader
    meaning: str
    default: str = ""
    otherwise: str = ""
    label: str = ""
    shown: Callable[[Any], str] = lambda policy: ""


def _retries(policy: Policy) -> str:
    if not policy.max_retries:
        return "none"
    first, most = f"{policy.retry_delay:,g}", f"{policy.retry_max_delay:,g}"
    return (
        f"{policy.max_retries}, the first after {first} s, then × {policy.retry_backoff:g},"
        f" up to {most} s"
    )


def _deadline(policy: Policy) -> str:
    return "none" if policy.start_deadline is None else f"{policy.start_deadline:,g} s"


_TABLE = (
    Option(
        "max_retries",
        whole(0),
        "tries after the first one",
        default="max_task_retries",
        label="Retries",
        shown=_retries,
    ),
    Option(
        "timeout",
        _positive_span,
        "seconds that one attempt may take",
        default="task_timeout",
        label="Timeout",
        shown=lambda policy: f"{policy.timeout:,g} s for each attempt",
    ),
    Option(
        "overlap",
        word(Overlap),
        "what happens while its last run goes on",
        default="overlap",
        label="While it still runs",
        shown=lambda policy: f"overlap={policy.overlap}",
    ),
    Option(
        "queue_limit",
        whole(1),
        'most occurrences that wait at once: for their turn, or with `overlap="allow"` for a limit'
        " or a slot",
        default="queue_limit",
        otherwise="under a limit 100",
    ),
    Option(
        "catchup",
        word(Catchup),
        "which occurrences missed in a downtime still run",
        default="catchup",
        label="After a downtime",
        shown=lambda policy: f"catchup={policy.catchup}",
    ),
    Option(
        "catchup_window",
        _span,
        "seconds back from now: what was missed before is only counted",
        default="catchup_window",
    ),
    Option(
        "catchup_limit",
        whole(1),
        'with `catchup="all"`: most missed occurrences that still run',
        default="catchup_limit",
    ),
    Option(
        "start_deadline",
        or_none(_positive_span),
        "seconds after its time until a run must have started",
        default="start_deadline",
        label="Start deadline",
        shown=_deadline,
    ),
    Option(
        "on_crash",
        word(OnCrash),
        "what a run does whose worker died",
        default="on_crash",
        otherwise="as `manager.auto_restart_tasks` says",
        label="When its worker dies",
        shown=lambda policy: f"on_crash={policy.on_crash}, at most {policy.max_crashes} times",
    ),
    Option(
        "max_crashes",
        whole(1),
        "crashes in a row after which a run is quarantined, and its task paused",
        default="max_crashes",
    ),
    Option("retry_delay", _span, "seconds before the first retry", default="retry_delay"),
    Option(
        "retry_backoff",
        number(1, 100, "times"),
        "the factor for the delay of each next retry",
        default="retry_backoff",
    ),
    Option("retry_max_delay", _span, "the longest delay before a retry", default="retry_max_delay"),
    Option(
        "retry_on",
        exceptions,
        "exceptions that are retried, classes or names, one or a list",
        otherwise="every exception is",
    ),
    Option(
        "no_retry_on",
        exceptions,
        "exceptions that are not retried, whatever `retry_on` says",
        otherwise="none",
    ),
    Option(
        "queue",
        shared_name("a queue", "gpu"),
        "which workers run it: those that serve this queue",
        otherwise='`"default"`',
        label="Queue",
        shown=lambda policy: (
            policy.queue + (f", priority {policy.priority}" if policy.priority else "")
        ),
    ),
    Option(
        "priority",
        whole(-1_000),
        "what is higher starts first, if more wait than there are slots",
        otherwise="0",
    ),
    Option(
        "max_running",
        or_none(whole(1)),
        'most runs at once over all nodes, with `overlap="allow"`',
        otherwise="no limit",
        label="Limits",
        shown=lambda policy: policy.limits or "none",
    ),
    Option(
        "rate",
        or_none(rate),
        'most starts in a time, over all nodes: `"10/m"` (`s`, `m`, `h`, `d`)',
        otherwise="no limit",
    ),
    Option(
        "group",
        or_none(shared_name("a group", "db")),
        "tasks that keep limits together",
        otherwise="none",
    ),
)

POLICY: Mapping[str, Option] = {option.name: option for option in _TABLE}
"""The options that make up a `Policy`, under their names there."""

OPTIONS: Mapping[str, Option] = {
    **POLICY,
    **{
        option.name: option
        for option in (
            Option("name", _text, "what people read", otherwise="the id"),
            Option(
                "enabled",
                flag,
                "`False`: listed, never due, can be run by hand",
                otherwise="`True`",
            ),
            Option(
                "args", positional, "what the function is called with, by place", otherwise="none"
            ),
            Option("kwargs", named, "what the function is called with, by name", otherwise="none"),
            Option("executor", _executor, "where it runs", default="executor"),
            Option(
                "timezone",
                lambda value: value,  # the trigger reads it
                'where its times are read, like `"Europe/Berlin"`',
                default="timezone",
            ),
            Option("dst", word(ClockChange), "what a change of the clocks does", default="dst"),
            Option(
                "description",
                text(_LONGEST_DESCRIPTION, lines=True),
                "what it is for",
                otherwise="the first line of the docstring",
            ),
            Option(
                "trigger_args",
                named,
                "the arguments of its trigger, as one dict",
                otherwise="they are given beside the options",
            ),
        )
    },
}
"""All options beside id, func, trigger and, in `add_task`, the trigger's own arguments."""
