"""Why a run is in its state, as one value, from the rule that decides it to the row."""

from __future__ import annotations

from typing import NamedTuple

from rota.core.reasons import ReasonCode
from rota.core.reasons.remedies import EXPLANATIONS


class RunReason(NamedTuple):
    """Why a run is in its state: a code for programs, and a text for people.

    What a user writes for a manual start has no code.
    """

    code: ReasonCode | None
    text: str

    @property
    def remedy(self) -> str:
        """What to do about it; "" if it has no code."""
        return "" if self.code is None else EXPLANATIONS[self.code].remedy


NO_REASON = RunReason(None, "")
"""Of a run that waits for its turn, runs, or succeeded."""


def skipped_by(name: str, why: str) -> RunReason:
    """Return the reason of an occurrence that a person skipped."""
    how = f"by {name}" if name else "manually"
    return RunReason(ReasonCode.BY_HAND, f"skipped {how}{why and f': {why}'}")
