"""One thing that the doctor looked at."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How it is: all right, worth knowing, or to be mended."""

    OK = "ok"
    NOTE = "note"
    WARN = "warn"


class Diagnosis(NamedTuple):
    """What was looked at, how it is, why that is known, and what to do about it."""

    check: str
    verdict: Severity
    why: str
    remedy: str = ""


def ok(check: str, why: str) -> Diagnosis:
    """Return that all is right."""
    return Diagnosis(check, Severity.OK, why)


def note(check: str, why: str, remedy: str = "") -> Diagnosis:
    """Return what may be meant so."""
    return Diagnosis(check, Severity.NOTE, why, remedy)


def warn(check: str, why: str, remedy: str) -> Diagnosis:
    """Return what is to be mended."""
    return Diagnosis(check, Severity.WARN, why, remedy)


def some(items: list[str], most: int = 5) -> str:
    """Return the first few of them in one line."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
