"""Rows of the ledger that do not hold what they have to."""

from __future__ import annotations

from collections.abc import Iterator

from rota.core.reasons import TroubleCode
from rota.core.reasons.remedies import reason
from rota.diagnosis import thresholds
from rota.diagnosis.evidence import ProjectEvidence
from rota.diagnosis.finding import Diagnosis, ok, warn


def findings(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    """List what is damaged; the rest of the program works meanwhile."""
    shown = evidence.damages[: thresholds.MOST_DAMAGED]
    for one in shown:
        yield warn(f"{one.table} {one.key}", reason(TroubleCode.ROWS_DAMAGED, str(one)))
    more = len(evidence.damages) - len(shown)
    if more:
        yield warn("more of them", reason(TroubleCode.ROWS_DAMAGED, f"{more} more columns"))
    if not evidence.damages:
        yield ok("rows of the ledger", "the newest of each table hold what they have to")
