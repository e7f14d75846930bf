"""How a node is, with a reason for everything that is not as it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rota.core.ports.history import History
from rota.core.ports.records import Damage, NodeRecord
from rota.core.reasons import Code, Reason, ReasonCode, TroubleCode
from rota.core.reasons.remedies import reason
from rota.core.time import SECOND, Instant, to_iso
from rota.diagnosis import thresholds
from rota.diagnosis.node_state import NodeState, Stall
from rota.diagnosis.verified import report_in
from rota.diagnosis.vitals import ledger_state, troubles
from rota.diagnosis.waits import Wait, overdue_waits
from rota.errors import LedgerError


def report(
    state: NodeState,
    history: History,
    now: Instant,
    waits: Callable[[Instant], Sequence[Wait]],
    *,
    broken_files: Sequence[str] = (),
    unread: str = "",
) -> dict[str, Any]:
    """Return a node's health as JSON: `status` healthy, degraded or down, its `reasons` in words,
    and the same as `findings` with code and remedy.

    `waits` returns why due runs wait, and is asked only if some have waited for a while. Ages and
    latencies are seconds. Reads the ledger, so call it on a thread that may wait; with
    `unread`, a reason why it is not read, it answers at once. Raises nothing for what it finds.
    """
    found = [reason(TroubleCode.LEDGER_UNREAD, unread)] if unread else []
    held: list[Reason] = []  # no trouble: what waits as its task wants it
    oldest_due, waiting = (None, None) if unread else _oldest_due(history, now, waits, found, held)
    if waiting is not None:
        found += unsound(history, now)
    found += _ledger(state)
    found += [stuck_at(one.task_id, one.place) for one in state.stuck]
    found += _blocked(state)
    found += [] if state.clock_ahead is None else clocks_apart(state.clock_ahead)
    found += broken(state.broken_tasks)
    damages = [] if unread else _damages(history)
    found += damaged(damages)
    for trouble in state.broker:
        found.append(reason(TroubleCode.BROKER_AWAY, f"the engine is away: {trouble}"))
    found += stalled(state.stalls)
    found += troubles(state.vitals) if state.is_running else []
    for one in broken_files:
        found.append(reason(TroubleCode.FILE_BROKEN, f"broken task file: {one}"))
    status = "degraded" if found else "healthy"
    log = state.vitals.log
    return {
        "status": status if state.is_running else "down",
        **as_json(found + held),
        "node": state.name,
        "tick_age": round(state.vitals.tick_age, 3),
        "oldest_due": oldest_due,
        "waiting": waiting,
        "ledger": {
            "state": ledger_state(state.vitals),
            "latency": round(state.vitals.latency, 6),
            "url": state.ledger_url,
        },
        "tasks": state.tasks,
        "running": state.running,
        "stuck": [{**one._asdict(), "seconds": round(one.seconds, 1)} for one in state.stuck],
        "blocked_loop": state.blocked
        and dict(zip(("seconds", "task_id", "place"), state.blocked, strict=True)),
        "clock_ahead": state.clock_ahead,
        "broken_task_files": list(broken_files),
        "log_records": {"waiting": log.waiting, "lost": log.lost},
        "broken_tasks": dict(state.broken_tasks),
        "damaged_rows": [one._asdict() for one in damages],
        **({"frozen": state.frozen} if state.frozen else {}),
    }


def as_json(found: Sequence[Reason]) -> dict[str, Any]:
    """Return reasons as a report holds them: in words, and as values."""
    return {
        "reasons": [one.text for one in found],
        "findings": [{"code": c, "reason": text, "remedy": remedy} for c, text, remedy in found],
    }


def reasons_of(report: Mapping[str, Any]) -> list[Reason]:
    """Return the reasons of a report, also of one by another release, which may know other codes
    or none."""
    found = report.get("findings")
    if not isinstance(found, list):
        return [reason(TroubleCode.OTHER, str(one)) for one in report["reasons"]]
    return [Reason(code(one["code"]), one["reason"], one["remedy"]) for one in found]


def code(word: object) -> Code:
    """Return the code that a word of another node names, `OTHER` if this release knows none."""
    for kind in (TroubleCode, ReasonCode):
        if word in kind.__members__.values():
            return kind(str(word))
    return TroubleCode.OTHER


def as_info(found: Sequence[Reason]) -> dict[str, list[str]]:
    """Return reasons as a node reports them to the others with its heartbeat.

    The texts have a list of their own because nodes of the release before know only that one.
    """
    return {"unwell": [one.text for one in found], "unwell_codes": [one.code for one in found]}


def unwell(node: NodeRecord) -> list[Reason]:
    """Return what a node reported with its last heartbeat as wrong with it."""
    texts, codes = node.info.get("unwell"), node.info.get("unwell_codes")
    if not isinstance(texts, list):
        return []
    if not isinstance(codes, list) or len(codes) != len(texts):  # of the release before
        codes = [TroubleCode.OTHER] * len(texts)
    return [reason(code(word), str(text)) for word, text in zip(codes, texts, strict=True)]


def is_grave(report: Mapping[str, Any]) -> bool:
    """Return whether a node does not do its work: it is down, does not tick, or has no ledger."""
    if report["status"] == "down" or report["ledger"]["state"] == "away":
        return True
    return bool(report["tick_age"] > thresholds.TICK_LATE)


def due_json(oldest: Instant, now: Instant, found: Sequence[Wait]) -> dict[str, Any]:
    """Return the oldest due run as a report holds it, and what it waits for."""
    why = found[0].reason if found else None
    return {
        "at": to_iso(oldest),
        "age": round((now - oldest) / SECOND, 3),
        "why": why and why.text,
        "code": why and why.code,
    }


def stuck_at(task_id: str, place: str) -> Reason:
    """Return the trouble with an attempt that runs on."""
    text = f"{task_id} would not stop and is stuck at {place}"
    return reason(TroubleCode.ATTEMPT_STUCK, text)


def broken(tasks: Mapping[str, str]) -> list[Reason]:
    """Return the trouble with tasks whose edits do not fit their code."""
    return [
        reason(TroubleCode.TASK_BROKEN, f"task {id} is broken: {mistake}")
        for id, mistake in tasks.items()
    ]


def are_apart(ahead: float) -> bool:
    """Return whether two clocks that differ by so many seconds differ too much."""
    return abs(ahead) > thresholds.CLOCKS_APART


def clocks_apart(ahead: float, whose: str = "this machine") -> list[Reason]:
    """Return the trouble with a clock so many seconds ahead of the database's, if it is one."""
    if not are_apart(ahead):
        return []
    side = "ahead of" if ahead > 0 else "behind"
    text = (
        f"the clock of {whose} is {abs(ahead):.1f} s {side} the database's, which rota goes by:"
        " synchronise the clocks (NTP)"
    )
    return [reason(TroubleCode.CLOCKS_APART, text)]


def damaged(found: Sequence[Damage]) -> list[Reason]:
    """Return the trouble with damaged rows, if there are some."""
    if not found:
        return []
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    text = f"the ledger has damaged rows: {found[0]}{more} (`rota doctor` lists them)"
    return [reason(TroubleCode.ROWS_DAMAGED, text)]


def unsound(history: History, now: Instant) -> list[Reason]:
    """Return what the last verification has against the record; raises nothing."""
    try:
        report = report_in(history.evidence.marks())
    except LedgerError:
        return []  # the part that reads the ledger first reports that
    return [] if report is None else report.reasons(now)


def stalled(stalls: Sequence[Stall]) -> list[Reason]:
    """Return the trouble with lanes that deliver nothing."""
    return [
        reason(
            TroubleCode.BROKER_STALLED,
            f"the engine has delivered nothing of {one.lane!r} for {one.seconds:.0f} s, though"
            f" {one.messages} messages wait and {one.free} slots are free: look whether"
            " another program has removed its consumer, or holds its messages",
        )
        for one in stalls
        if one.seconds >= thresholds.STALLED
    ]


def _ledger(state: NodeState) -> list[Reason]:
    vitals = state.vitals
    match ledger_state(vitals):
        case "away":
            since, why = vitals.away or (0.0, "")
            text = f"the ledger has been away for {since:.1f} s: {why}"
            return [reason(TroubleCode.LEDGER_AWAY, text)]
        case "slow":
            text = f"the ledger took {vitals.latency:.1f} s, or more, to write the last change"
            return [reason(TroubleCode.LEDGER_SLOW, text)]
    return []


def _blocked(state: NodeState) -> list[Reason]:
    if state.blocked is None:
        return []
    seconds, task_id, place = state.blocked
    text = f"the task loop has been blocked for {seconds:.1f} s by {task_id or 'a callback'}"
    return [reason(TroubleCode.LOOP_BLOCKED, f"{text} at {place}")]


def _oldest_due(
    history: History,
    now: Instant,
    waits: Callable[[Instant], Sequence[Wait]],
    found: list[Reason],
    held: list[Reason],
) -> tuple[dict[str, Any] | None, int | None]:
    try:
        counts = history.counts(now)
        oldest = counts.oldest_due
        is_late = oldest is not None and now - oldest > thresholds.START_LATE * SECOND
        waiting = waits(now) if is_late else []
    except LedgerError as error:
        found.append(reason(TroubleCode.LEDGER_UNREADABLE, f"the ledger cannot be read: {error}"))
        return None, None
    troubles, wanted = overdue_waits(waiting, now)
    found += troubles
    held += wanted
    return None if oldest is None else due_json(oldest, now, waiting), counts.waiting


def _damages(history: History) -> list[Damage]:
    try:
        return list(history.damages())
    except LedgerError:  # that it cannot be read is a reason already
        return []
