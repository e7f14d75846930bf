"""The oracle at the end of a fault: is every occurrence in its row, and can every row be so?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rota.core.ports.ledger import Ledger
from rota.core.verification.findings import Finding
from rota.engine.upkeep.verifying import FRESH, Question, planner_spans, verify
from rota.errors import LedgerError
from rota.ledger import open_ledger
from rota.runtime.system_clock import SystemClock


def ledgers_in(directory: Path) -> Iterator[str]:
    """Return the addresses of the files that are ledgers by their name."""
    for path in sorted(directory.rglob("rota.db")):
        if path.is_file() and path.stat().st_size:
            yield f"sqlite:///{path}"


def unsound(url: str) -> list[Finding]:
    """Return what there is to say against a ledger; nothing where it cannot be opened, which is
    for others to judge."""
    ledger = open_ledger(url, clock=SystemClock())
    try:
        ledger.open()
    except LedgerError:
        return []
    try:
        return against(ledger)
    finally:
        ledger.close()


def against(ledger: Ledger) -> list[Finding]:
    """Return what there is to say against an open ledger; where nodes had different task files,
    only up to where the ledger says that all is planned."""
    nodes = ledger.history.nodes()
    generations = {node.info.get("generation") for node in nodes}
    is_known = len(generations) == 1 and "" not in generations  # else one may not know a task
    spans = planner_spans(nodes) if is_known else []
    now = max([node.seen_at for node in nodes], default=0) + FRESH  # the clock may be a fake
    asked = Question(now, 0, planners=lambda _: spans)
    return list(verify(ledger.history.evidence, asked))
