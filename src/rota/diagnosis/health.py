"""How this node is, with a reason for everything that is not as it should be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from rota.core.ports.history import History
from rota.core.time import SECOND, Instant, to_iso
from rota.diagnosis import vitals
from rota.diagnosis.due_runs import waits_here
from rota.diagnosis.verified import report_in
from rota.diagnosis.vitals import SLOW
from rota.errors import LedgerError
from rota.runtime import log_queue

if TYPE_CHECKING:
    from rota.core.ports.records import Damage
    from rota.engine.node import Node

DUE_LATE = 30.0
"""Seconds that a due run may wait for something before that is told, and is a trouble if its task
does not want it so."""

WAITS = 5.0
"""Seconds after which the answer says what a due run waits for, and after which one that could
start and was not is a trouble."""

MOST_BROKEN = 20
"""Broken tasks that a report names."""

CLOCKS_APART = 1.0
"""Seconds that this machine's clock and the ledger's own may differ."""


def report(engine: Node, broken_files: Sequence[str] = (), *, unread: str = "") -> dict[str, Any]:
    """Return the node's health as JSON: `status` healthy, degraded or down, and its `reasons`.

    Ages and latencies are seconds. Reads the ledger, so call it where waiting hurts nobody; with
    `unread`, a reason why it is not read, it answers at once.
    """
    reasons: list[str] = [unread] if unread else []
    held: list[str] = []  # no trouble: what waits as its task wants it
    oldest_due, waiting = (None, None) if unread else _oldest_due(engine, reasons, held)
    if waiting is not None:
        reasons += unsound(engine.ledger.history, engine.clock.now())
    tick_age = round(engine.ticking.tick_age(), 3)
    status = {
        "node": engine.identity.name,
        "tick_age": tick_age,
        "oldest_due": oldest_due,
        "waiting": waiting,
        "ledger": _ledger(engine, reasons),
        "tasks": len(engine.registry),
        "running": len(engine.in_flight),
        "stuck": _stuck(engine, reasons),
        "blocked_loop": _blocked(engine, reasons),
        "clock_ahead": _clock(engine, reasons),
        "broken_task_files": list(broken_files),
        "log_records": {"waiting": log_queue.waiting(), "lost": log_queue.lost()},
        "broken_tasks": _broken(engine, reasons),
        "damaged_rows": [] if unread else _damaged(engine, reasons),
    }
    reasons += [
        f"the engine is away: {part.trouble}"
        for part in (engine.outbox, engine.inbox)
        if part is not None and part.trouble is not None
    ]
    reasons += engine.delivery.troubles()
    reasons += vitals.troubles(engine)
    reasons += [f"broken task file: {one}" for one in broken_files]
    if engine.watchdog.frozen:
        status["frozen"] = engine.watchdog.frozen
    verdict = "degraded" if reasons else "healthy"
    reasons += held
    return {"status": verdict if engine.is_running else "down", "reasons": reasons, **status}


def broken_tasks(engine: Node) -> dict[str, str]:
    """Return why tasks are broken, by their ids: edits of them do not fit the code."""
    broken = (one for one in engine.registry.entries() if one.mistake)
    return {one.definition.id: one.mistake for one in islice(broken, MOST_BROKEN)}


def _broken(engine: Node, reasons: list[str]) -> dict[str, str]:
    found = broken_tasks(engine)
    reasons += [f"task {id} is broken: {mistake}" for id, mistake in found.items()]
    return found


def _ledger(engine: Node, reasons: list[str]) -> dict[str, Any]:
    trouble, latency, state = engine.gateway.trouble, engine.ledger.latency(), "ok"
    if trouble is not None:
        since, state = engine.clock.monotonic() - trouble[0], "away"
        reasons.append(f"the ledger has been away for {since:.1f} s: {trouble[1]}")
    elif latency > SLOW:
        state = "slow"
        reasons.append(f"the ledger took {latency:.1f} s, or more, to write the last change")
    return {
        "state": state,
        "latency": round(latency, 6),
        "url": engine.ledger.url,
    }


def _clock(engine: Node, reasons: list[str]) -> float | None:
    ahead = engine.clock_ahead
    if ahead is not None:
        reasons += clocks_apart(ahead)
    return ahead


def clocks_apart(ahead: float, whose: str = "this machine") -> list[str]:
    """Return the trouble with a clock so many seconds ahead of the database's, if it is one."""
    if abs(ahead) <= CLOCKS_APART:
        return []
    side = "ahead of" if ahead > 0 else "behind"
    return [
        f"the clock of {whose} is {abs(ahead):.1f} s {side} the database's, which rota goes by:"
        " synchronise the clocks (NTP)"
    ]


def _oldest_due(
    engine: Node, reasons: list[str], held: list[str]
) -> tuple[dict[str, Any] | None, int | None]:
    now = engine.clock.now()
    try:
        counts = engine.ledger.history.counts(now)
        late = counts.oldest_due is not None and now - counts.oldest_due > WAITS * SECOND
        found = waits_here(engine, now, WAITS) if late else []
    except LedgerError as error:
        reasons.append(f"the ledger cannot be read: {error}")
        return None, None
    if counts.oldest_due is None:
        return None, counts.waiting
    age = (now - counts.oldest_due) / SECOND
    for one in found:
        if now - one.since > (WAITS if one.could_start else DUE_LATE) * SECOND:
            (reasons if one.is_trouble else held).append(one.why)
    why = found[0].why if found else None
    return {"at": to_iso(counts.oldest_due), "age": round(age, 3), "why": why}, counts.waiting


def _damaged(engine: Node, reasons: list[str]) -> list[dict[str, str]]:
    try:
        found = engine.ledger.history.damages()
    except LedgerError:  # said already
        return []
    reasons += damaged(found)
    return [one._asdict() for one in found]


def damaged(found: Sequence[Damage]) -> list[str]:
    """Return the trouble with damaged rows, if there are some."""
    if not found:
        return []
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return [f"the ledger has damaged rows: {found[0]}{more} (`rota doctor` lists them)"]


def unsound(history: History, now: Instant) -> list[str]:
    """Return what the last verification has against the record; raises nothing."""
    try:
        report = report_in(history.evidence.marks())
    except LedgerError:
        return []  # who cannot read it is told so by others
    return [] if report is None else report.reasons(now)


def _stuck(engine: Node, reasons: list[str]) -> list[dict[str, Any]]:
    now = engine.clock.monotonic()
    found = [
        {
            "task_id": one.task_id,
            "run_id": one.run_id,
            "place": one.place,
            "seconds": round(now - one.since, 1),
        }
        for executor in engine.executors.values()
        for one in executor.stuck()
    ]
    reasons += [f"{one['task_id']} would not stop and is stuck at {one['place']}" for one in found]
    return found


def _blocked(engine: Node, reasons: list[str]) -> dict[str, Any] | None:
    blocked = engine.watchdog.blocked()
    if blocked is None:
        return None
    reasons.append(
        f"the task loop has been blocked for {blocked.seconds:.1f} s"
        f" by {blocked.task_id or 'a callback'} at {blocked.place}"
    )
    return {"seconds": blocked.seconds, "task_id": blocked.task_id, "place": blocked.place}
