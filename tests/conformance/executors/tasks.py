"""Plain functions to be run; each one has its coroutine of the same name in `coroutines`."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from rota.task_api.current_run import current_run
from rota.task_api.once import once
from rota.task_api.verdicts import Fail, Retry, Skip


def nothing() -> None:
    pass


def add(a: int, b: int = 0) -> int:
    return a + b


def give(kind: str) -> Any:
    return GIFTS[kind]


def confuse() -> None:
    raise TypeError("of the body")


def collect(when: date, seen: list[str]) -> list[str]:
    seen.append(f"{when} {type(when).__name__}")
    return seen


def fail(message: str) -> None:
    raise ValueError(message)


def raise_odd(name: str) -> None:
    raise ODD[name]


def overflow() -> None:
    overflow()


def generate() -> Iterator[int]:
    yield 1


def obey() -> None:
    """Run until told to end."""
    current_run().progress(0)
    while not current_run().cancelled:
        time.sleep(0.002)


def ignore(gate: str) -> str:
    """Run until the file `gate` is there, whatever one is told."""
    current_run().progress(0)
    while not Path(gate).exists():
        time.sleep(0.002)
    return "at last"


def tell_all() -> list[Any]:
    run = current_run()
    fire_time = run.fire_time and run.fire_time.isoformat()
    return [run.id, run.task_id, run.attempt, fire_time, run.cancelled, run.logger.name]


def tell_times() -> list[str | None]:
    run = current_run()
    times = [run.previous_fire_time, run.next_fire_time, run.last_success]
    return [None if time is None else time.isoformat() for time in times]


def tell_upstream() -> list[Any]:
    run = current_run().upstream["extract"]
    fire_time = run.fire_time and run.fire_time.isoformat()
    return [run.id, run.task_id, fire_time, run.state, run.result, len(current_run().upstream)]


def ask_to(kind: str, reason: str = "", after: float | None = None, free: bool = False) -> None:
    if kind == "retry":
        raise Retry(after, reason, free=free)
    raise {"skip": Skip, "fail": Fail}[kind](reason)


def ask_while_handling() -> None:
    try:
        fail("no such thing")
    except ValueError:
        raise Retry(after=5) from None


def ask_in_a_group() -> None:
    raise ExceptionGroup("of a task group", [Skip("nothing new")])


def report() -> None:
    current_run().progress(1, 4, "a quarter")
    current_run().progress(2.5)


def remember(value: Any) -> list[Any]:
    run = current_run()
    return [run.checkpoint(), run.checkpoint(value), run.checkpoint()]


def remember_object() -> None:
    current_run().checkpoint(object())


def do_once(journal: str, error: str = "") -> list[Any]:
    """Do two steps, each of which leaves a word in the journal, and fail if told so."""
    first = once("first", _note, journal, "first", (1, 2))
    again = once("first", _note, journal, "again")
    second = once("second", _note, journal, "second", error=error)
    return [first, again, second]


def _note(journal: str, word: str, value: Any = None, *, error: str = "") -> Any:
    with Path(journal).open("a") as file:
        file.write(f"{word}\n")
    if error:
        raise ValueError(error)
    return value


def once_object() -> None:
    once("k", object)


def speak(word: str, times: int) -> None:
    for number in range(times):
        logging.getLogger("tests.speaker").warning("%s logged %d", word, number)
        print(f"{word} printed {number}")  # noqa: T201
    print(f"{word} unfinished", end="")  # noqa: T201
    print(f"{word} complained", file=sys.stderr)  # noqa: T201


def log_exception() -> None:
    try:
        fail("inner")
    except ValueError:
        logging.getLogger("tests.speaker").exception("it broke")


class Unprintable(Exception):
    def __str__(self) -> str:
        raise SystemExit("no message")


class Unrepresentable:
    def __repr__(self) -> str:
        raise RuntimeError("no representation")


GIFTS: dict[str, Any] = {
    "tuple": (1, [2.5, None], {"a": True}),
    "object": logging.INFO.__class__,
    "nan": float("nan"),
    "surrogate": "\ud800",
    "unrepresentable": Unrepresentable(),
    "long": "x" * 70_000,
    "day": date(2024, 2, 29),
}

ODD: dict[str, BaseException] = {
    "exit": SystemExit(3),
    "interrupt": KeyboardInterrupt(),
    "generator": GeneratorExit(),
    "group": ExceptionGroup("several", [ValueError("a"), OSError("b")]),
    "base group": BaseExceptionGroup("worse", [KeyboardInterrupt()]),
    "unprintable": Unprintable(),
    "stop": StopIteration(1),
    "surrogate": ValueError("\ud800"),
}
