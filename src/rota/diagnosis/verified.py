"""What the last verification found, as the ledger keeps it for every node to report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

from rota.core.ports.records import VerificationMark
from rota.core.reasons import Reason, TroubleCode
from rota.core.reasons.remedies import reason
from rota.core.time import Instant, seconds
from rota.core.verification.findings import Code, Finding
from rota.diagnosis import thresholds

VERIFIED = "verified"
"""The mark up to which the record was verified; its value is the report."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found lately, and when whose node last looked."""

    at: Instant
    node: str
    found: tuple[tuple[Instant, Finding], ...]  # when, and what
    more: int = 0  # findings that are left out

    @property
    def findings(self) -> list[Finding]:
        """Return what was found, the newest last."""
        return [finding for _, finding in self.found]

    def reasons(self, now: Instant) -> list[Reason]:
        """Return why the record is not as it should be."""
        fresh = now - seconds(thresholds.HOLE_KEPT)
        reported = [finding for at, finding in self.found if not finding.is_mended or at > fresh]
        if not reported:
            return []
        more = f" and {len(reported) - 1 + self.more} more" if len(reported) + self.more > 1 else ""
        task = f"{reported[0].task_id}: " if reported[0].task_id else ""
        text = f"the record is not sound: {task}{reported[0].text}{more}: `rota verify` lists them"
        return [reason(TroubleCode.RECORD_UNSOUND, text)]


def report_in(marks: Mapping[str, VerificationMark]) -> Report | None:
    """Return the last report, None if nothing was verified yet, or if it cannot be read."""
    mark = marks.get(VERIFIED)
    if mark is None or mark.value is None:
        return None
    try:
        value = json.loads(mark.value)
        found = tuple(
            (int(at), Finding(Code(finding.pop("code")), **finding))
            for at, finding in value["found"]
        )
        if not all(isinstance(finding.at, int | None) for _, finding in found):
            return None
        return Report(int(value["at"]), str(value["node"]), found, int(value["more"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def merged(
    before: Report | None, node: str, now: Instant, since: Instant, found: Iterable[Finding]
) -> Report:
    """Return the new report: what was found now, and what was found before and was not looked at
    again, or has been repaired since."""
    kept = () if before is None else before.found
    old = [
        (at, finding)
        for at, finding in kept
        if 0 <= now - at < seconds(thresholds.FINDING_KEPT)
        and (finding.is_mended or (finding.at is not None and finding.at < since))
    ]
    all_ = [*old, *((now, finding) for finding in found)]
    return Report(
        now,
        node,
        tuple(all_[: thresholds.MOST_VERIFIED]),
        max(len(all_) - thresholds.MOST_VERIFIED, 0),
    )


def as_json(report: Report) -> str:
    """Write a report for the mark."""
    found = [(at, asdict(finding)) for at, finding in report.found]
    return json.dumps({"at": report.at, "node": report.node, "found": found, "more": report.more})


def mended(finding: Finding) -> Finding:
    """Return a hole that has its row now."""
    return replace(finding, is_mended=True)
