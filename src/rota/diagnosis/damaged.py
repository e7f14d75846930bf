"""Rows of the ledger that do not hold what they have to."""

from __future__ import annotations

from collections.abc import Iterator

from rota.diagnosis.evidence import ProjectEvidence
from rota.diagnosis.finding import Diagnosis, ok, warn

_LISTED = 50
_REMEDY = (
    "Stop what runs, make a copy of the ledger, and correct or delete the row there; or restore a"
    " backup. What caused it may go on: check the disk, and who else writes to the database."
)


def findings(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    """List what is damaged; the rest of the program goes on meanwhile."""
    for one in evidence.damages[:_LISTED]:
        yield warn(f"{one.table} {one.key}", str(one), _REMEDY)
    if len(evidence.damages) > _LISTED:
        yield warn("more of them", f"{len(evidence.damages) - _LISTED} more columns", _REMEDY)
    if not evidence.damages:
        yield ok("rows of the ledger", "the newest of each table hold what they have to")
