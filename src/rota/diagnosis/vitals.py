"""What a node measures of itself, without its ledger, and what of that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rota.core.reasons import Reason, TroubleCode
from rota.core.reasons.remedies import reason
from rota.diagnosis import thresholds
from rota.runtime.log_queue import LogDelivery


class LoopTurn(NamedTuple):
    """What one loop of a node does just now; all times are seconds."""

    name: str
    rests: bool
    lasts: float  # since it began to rest or to turn
    overdue: float = 0.0  # since it should have turned by itself
    work_waits: float = 0.0  # since there is work for it
    error: str | None = None  # what ended it last
    failures: int = 0  # since it last turned well


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a node that runs measures of itself; all times are seconds."""

    log: LogDelivery
    loops: Sequence[LoopTurn]
    tick_age: float
    latency: float  # of the ledger's last write
    stands: tuple[float, str] | None = None  # how long its engine has not turned, and where
    away: tuple[float, str] | None = None  # for how long the ledger has been away, and why
    unplanned: Sequence[tuple[str, float]] = ()  # tasks, and since when they should be planned
    unwritten: tuple[int, float] = (0, 0.0)  # ends that are not in the ledger, and the oldest's age
    refused: Mapping[str, str] | None = None  # tasks that cannot be planned, and why


def troubles(vitals: Vitals) -> list[Reason]:
    """Return a reason for everything within a process that is not as it should be.

    The same for `/health`, `rota doctor` and the pages; the heartbeat carries it to other nodes.
    """
    found = [one for one in (of_log(vitals.log),) if one is not None]
    found += _loops(vitals)
    found += ticking(vitals.tick_age)
    if vitals.away is None:  # else that is why
        found += _unplanned(vitals)
        count, age = vitals.unwritten
        if age > thresholds.WRITE_LATE:
            text = f"{count} attempts have ended and are not written, the oldest for {age:.0f} s"
            found.append(reason(TroubleCode.UNWRITTEN, text))
    for task_id, why in sorted((vitals.refused or {}).items()):
        text = f"the occurrences of {task_id} cannot be planned: {why}"
        found.append(reason(TroubleCode.UNPLANNABLE, text))
    return found


def ticking(age: float, late: float | None = None) -> list[Reason]:
    """Return the trouble with a clock that last ticked `age` seconds ago, if it is one."""
    if age <= (thresholds.TICK_LATE if late is None else late):
        return []
    return [reason(TroubleCode.TICK_LATE, f"the clock has not ticked for {round(age, 1):g} s")]


def ledger_state(vitals: Vitals) -> str:
    """Return "ok", "slow" or "away", as this node sees its ledger."""
    if vitals.away is not None:
        return "away"
    return "slow" if vitals.latency > thresholds.LEDGER_SLOW else "ok"


def of_loop(turn: LoopTurn, *, ledger_waits: bool = False) -> Reason | None:
    """Return what is wrong with a loop; if the ledger makes it wait, its turns may take long."""
    loop = f"the {turn.name} loop"
    if turn.error is not None:
        times = f" {turn.failures} times" if turn.failures > 1 else ""
        text = f"{loop} ended and is started again{times}: {turn.error}"
        return reason(TroubleCode.LOOP_ENDED, text)
    if not turn.rests:
        if ledger_waits or turn.lasts < thresholds.TURN_LONG:
            return None
        text = f"{loop} has been at one turn for {turn.lasts:.0f} s"
        return reason(TroubleCode.LOOP_TURN, text)
    if turn.work_waits > thresholds.TURN_LATE:
        text = f"{loop} has work waiting and did not turn for {turn.work_waits:.0f} s"
        return reason(TroubleCode.LOOP_LATE, text)
    if turn.overdue > thresholds.TURN_LATE:
        return reason(TroubleCode.LOOP_LATE, f"{loop} has not turned for {turn.lasts:.0f} s")
    return None


def of_log(log: LogDelivery) -> Reason | None:
    """Return what is wrong with the delivery of log records, if anything is."""
    if log.held > thresholds.LOG_HELD:
        return reason(
            TroubleCode.LOG_HELD,
            f"a log handler or filter has held one record for {log.held:.0f} s"
            f" at {log.place}: {log.waiting} log records wait, {log.lost} were dropped",
        )
    if log.is_full:
        return reason(
            TroubleCode.LOG_FLOOD,
            "log records come faster than the log handlers take them:"
            f" {log.waiting} wait, {log.lost} were dropped",
        )
    if log.waited > thresholds.LOG_SLOW:
        return reason(
            TroubleCode.LOG_SLOW,
            "the log handlers are slow: the current log record had waited for"
            f" {log.waited:.0f} s, {log.waiting} more wait",
        )
    if log.error is not None and log.error_age < thresholds.LOG_REMEMBERED:
        return reason(
            TroubleCode.LOG_RAISES,
            f"a log handler, filter or record factory raises {log.error}:"
            f" {log.lost} log records were dropped",
        )
    return None


def _loops(vitals: Vitals) -> list[Reason]:
    if vitals.stands is not None:
        text = f"the engine's own loop has stood for {vitals.stands[0]:.0f} s at {vitals.stands[1]}"
        return [reason(TroubleCode.ENGINE_STANDS, text)]
    waits = ledger_state(vitals) != "ok"
    looks = (of_loop(turn, ledger_waits=waits) for turn in vitals.loops)
    return [trouble for trouble in looks if trouble is not None]


def _unplanned(vitals: Vitals) -> Iterator[Reason]:
    shown = thresholds.MOST_TASKS
    for task_id, late in vitals.unplanned[:shown]:
        text = f"{task_id} should have been planned {late:.0f} s ago and was not"
        yield reason(TroubleCode.UNPLANNED, text)
    more = len(vitals.unplanned) - shown
    if more > 0:
        text = f"{more} more tasks should have been planned and were not"
        yield reason(TroubleCode.UNPLANNED, text)
