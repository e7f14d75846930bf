"""Crontab terms whose value follows from the task's id: `H`, `H(a-b)`, `H/n` and `a~b`.

Jenkins' `H` and OpenBSD's `~` keep tasks that are written alike from starting at once. Here the
value is a hash of the task's id and the field, so that it is the same on every node and never
changes. Each term becomes a plain one before the field is read.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from rota.triggers.fields import FieldKind, FieldMistake, number_of
from rota.triggers.trigger_errors import quoted

_HASHED = re.compile(r"h(?:\(([a-z0-9]+)-([a-z0-9]+)\))?(?:/([0-9]+))?")
_BETWEEN = re.compile(r"([a-z0-9]+)~([a-z0-9]+)")
_HIGHEST = {"day": 28, "day_of_week": 6}
"""The highest value of `H`: every month has the 28th, and 7 is Sunday again."""


def without_spread(kind: FieldKind, text: str, task_id: str) -> str:
    """Return a field's text with plain terms for those that follow from the task's id; raises
    FieldMistake."""
    if "~" not in text and "h" not in text.lower():
        return text
    return ",".join(_plain(kind, term, task_id) for term in text.split(","))


def _plain(kind: FieldKind, term: str, task_id: str) -> str:
    lowered = term.strip().lower()
    if found := _BETWEEN.fullmatch(lowered):
        first, last = (number_of(kind, part) for part in found.groups())
        if first > last:
            raise FieldMistake(f"{quoted(term)} runs backwards", "Write the lower number first.")
        return str(first + _drawn(f"{kind.name}\0{lowered}", task_id, last - first + 1))
    found = _HASHED.fullmatch(lowered)
    if found is None:
        return term
    low, high, step = found.groups()
    first = kind.low if low is None else number_of(kind, low)
    last = _HIGHEST.get(kind.name, kind.high) if high is None else number_of(kind, high)
    if first > last:
        raise FieldMistake(f"{quoted(term)} runs backwards", "Write the lower number first.")
    most = last - first + 1
    if step is None:
        return str(first + _drawn(kind.name, task_id, most))
    every = int(step) if len(step) <= 4 else most + 1
    if not 1 <= every <= most:
        raise FieldMistake(
            f"the step in {quoted(term)} is not in 1-{most}", f"Write a step of at most {most}."
        )
    return f"{first + _drawn(kind.name, task_id, every)}-{last}/{every}" if every > 1 else "*"


def _drawn(what: str, task_id: str, count: int) -> int:
    """Return a number from 0 to below `count` that follows from the task's id."""
    key = f"{task_id}\0{what}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(key, digest_size=8).digest()) * count >> 64
