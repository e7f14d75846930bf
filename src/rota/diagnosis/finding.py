"""One thing that the doctor looked at."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from rota.core.reasons import Reason, TroubleCode
from rota.core.reasons.remedies import reason


class Severity(StrEnum):
    """How it is: all right, worth knowing, or to be corrected."""

    OK = "ok"
    NOTE = "note"
    WARN = "warn"


class Diagnosis(NamedTuple):
    """What was looked at, how it is, and why: with a code, and what to do about it."""

    check: str
    verdict: Severity
    reason: Reason


def ok(check: str, why: str) -> Diagnosis:
    """Return that nothing is wrong."""
    return Diagnosis(check, Severity.OK, reason(TroubleCode.FINE, why))


def note(check: str, why: Reason) -> Diagnosis:
    """Return what may be intended."""
    return Diagnosis(check, Severity.NOTE, why)


def warn(check: str, why: Reason) -> Diagnosis:
    """Return what is to be corrected."""
    return Diagnosis(check, Severity.WARN, why)


def some(items: list[str], most: int = 5) -> str:
    """Return the first few of them in one line."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
