"""Readers of the values of options, and how a value that is refused is explained."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar
from unicodedata import category

from rota.core.limits import rate_of
from rota.core.task import ExecutorName
from rota.errors import nearest
from rota.triggers import foreign_options

Reader = Callable[[Any], Any]
Word = TypeVar("Word", bound=StrEnum)

LONGEST_TEXT = 200
LONGEST_DESCRIPTION = 10_000
_MOST = 1_000_000
MOST_DELAYS = 100
"""Delays of retries that are kept of a task; the last one is for all further retries."""
LONGEST_SPAN = 1_000_000_000  # thirty years in seconds; below what the platform's timers can wait
_NOT_WRITTEN = {"Cc", "Cs", "Zl", "Zp"}  # control characters, half surrogates, line separators


class Refusal(Exception):
    """Why a value is not accepted (`why` is the text after the value), and what to write
    instead.
    """

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


def delays(longest: float) -> Reader:
    """Make the reader of a delay, of one for each retry as a list, or of a function from the number
    of the retry to its delay. The function is returned as it is: see `tabulated`.
    """
    one = number(0, longest, "seconds")

    def read(value: Any) -> Any:
        if callable(value):
            return value
        if not isinstance(value, list | tuple):
            return one(value)
        if not 1 <= len(value) <= MOST_DELAYS:
            remedy = f"Write 1 to {MOST_DELAYS} numbers of seconds; the last one is for the rest."
            raise Refusal(f"has {len(value)} delays", remedy)
        return tuple(map(one, value))

    return read


def tabulated(delay: Callable[[int], Any], retries: int) -> tuple[float, ...]:
    """Return what a function says is the delay of each retry; raises Refusal.

    It is asked once, when the task is defined: no node calls it, and a process need not find it.
    """
    found: list[float] = []
    for retry in range(1, min(max(retries, 1), MOST_DELAYS) + 1):
        try:
            value = delay(retry)
        except Exception as error:
            what = f"raises {type(error).__name__} for retry {retry}: {str(error)[:200]}"
            remedy = "Write a function that takes the number of the retry, from 1 on."
            raise Refusal(what, remedy) from None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not value >= 0:
            remedy = "It takes the number of the retry, from 1 on, and returns seconds."
            raise Refusal(f"returns {value!r:.80} for retry {retry}", remedy)
        found.append(float(min(value, LONGEST_SPAN)))
    return tuple(found)


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


def read_executor(value: Any) -> ExecutorChoice:
    """Return the executor that a value names."""
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


read_text = text()


def task_id(value: Any) -> str:
    """Read the id of a task."""
    name: str = read_text(value)
    if name != name.strip():
        raise Refusal("begins or ends with a space", "Leave it out.")
    if name in (".", ".."):
        raise Refusal("means a directory in an address", "Write a name.")
    return name


def shared_name(kind: str, example: str) -> Reader:
    """Make the reader of a name that tasks share: what brokers of every kind take as a part."""

    def read(value: Any) -> str:
        name: str = read_text(value)
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,49}", name):
            remedy = f"Use small letters, digits, _ and -, fifty at most: {example!r}."
            raise Refusal(f"cannot be {kind}", remedy)
        return name

    return read


def rate(value: Any) -> str:
    """Read a rate."""
    text: str = read_text(value)
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


def names(kind: str, example: str) -> Reader:
    """Make the reader of one name or several, each once."""

    def read(value: Any) -> tuple[str, ...]:
        items = value if isinstance(value, list | tuple) else [value]
        if not all(isinstance(one, str) and one.isidentifier() for one in items):
            raise Refusal(f"names no {kind}", f"Write one like {example!r}, or a list of them.")
        return tuple(dict.fromkeys(items))

    return read


def tags(value: Any) -> tuple[str, ...]:
    """Read one tag or several, each once."""
    items = value if isinstance(value, list | tuple | set | frozenset) else [value]
    read = shared_name("a tag", "nightly")
    return tuple(sorted({read(one) for one in items}))


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
