"""Writes new runs: each occurrence once, each decided together with the active runs of its task."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from rota.core.overlap import GO, SURELY, ActiveRun, Decision, crowded, decide, follows
from rota.core.ports.ledger import NodeLiveness, Publish
from rota.core.ports.records import NewRun, PlannedRun, Waiting
from rota.core.reasons import ReasonCode
from rota.core.reasons.run_reason import NO_REASON, RunReason
from rota.core.run import ACTIVE, FINAL, WAITING, Cause, State
from rota.core.task import Overlap
from rota.core.time import Instant, to_iso
from rota.ledger.sql import mapping
from rota.ledger.sql import statements as sql
from rota.ledger.sql.json_batch import Batch, encode
from rota.ledger.verbs import outbox as outbox_verbs
from rota.ledger.verbs import verdicts


def plan(
    connection: Connection,
    runs: Sequence[NewRun],
    publish: Publish | None = None,
    liveness: NodeLiveness | None = None,
    ended: list[str] | None = None,
) -> list[PlannedRun]:
    """Write the rows that do not exist yet and return them, as they were written. The ids of the
    runs that are over by this are added to `ended`.

    Mostly all of them are new and the claiming node lives, so that is tried first. The exceptions
    are looked up only if fewer rows were written, and again if another transaction was faster
    meanwhile. Early runs that are left for their time are returned too.
    """
    new = runs
    while new:
        sql.SAVEPOINT(connection)
        over: list[str] = []
        planned = _write(connection, new, publish, liveness, over)
        if planned is None:
            sql.ROLLBACK_TO(connection)
        sql.RELEASE(connection)
        if planned is not None:
            if ended is not None:
                ended += over
            return planned
        new = _without_dead_claims(connection, _without_known(connection, new))
    return []


def _write(
    connection: Connection,
    runs: Sequence[NewRun],
    publish: Publish | None,
    liveness: NodeLiveness | None,
    ended: list[str],
) -> list[PlannedRun] | None:
    """Decide and write all the runs; returns None, with half of it written, if not all could be."""
    plan = _Plan(_active(connection, runs, liveness, ended), publish, liveness)
    for run in runs:
        plan.add(run)
    if not plan.insert(connection):
        return None
    plan.publish(connection)
    plan.cancel_replaced(connection)
    plan.have_wait(connection)
    plan.keep_nominal_times(connection)
    plan.note_upstream(connection)
    plan.note_ended(ended)
    left = _without_known(connection, plan.left) if plan.left else []
    return plan.written() + [PlannedRun(run.id, run.task_id, None, NO_REASON) for run in left]


def _without_known(connection: Connection, runs: Sequence[NewRun]) -> list[NewRun]:
    keys = [(run.id, run.task_id, run.fire_time) for run in runs]
    known = set(sql.KNOWN_RUNS.rows(connection, keys=Batch(keys)))
    new: list[NewRun] = []
    seen: set[object] = set()
    for run in runs:
        occurrence = run.id if run.fire_time is None else (run.task_id, run.fire_time)
        if run.id not in known and occurrence not in seen:
            seen.add(occurrence)
            new.append(run)
    return new


def _without_dead_claims(connection: Connection, runs: Sequence[NewRun]) -> list[NewRun]:
    claimants = {run.claim for run in runs if run.claim}
    if not claimants:
        return list(runs)
    living = sql.LIVING_NODES.rows(connection, ids=encode(claimants))
    return [run if run.claim in living else run._replace(claim=None) for run in runs]


def _active(
    connection: Connection,
    new: Sequence[NewRun],
    liveness: NodeLiveness | None,
    ended: list[str],
) -> dict[Hashable, list[ActiveRun]]:
    """Return the runs that have not ended, oldest first, that matter to each run that is to be
    decided, by what `_rivals` returns of it."""
    decided = [run for run in new if _is_to_be_decided(run)]
    undecided = {run.task_id for run in decided}
    active: dict[Hashable, list[ActiveRun]] = {_rivals(run): [] for run in decided}
    if not undecided:
        return active
    task_ids = encode(undecided)
    found = sql.ACTIVE_OF_TASKS.rows(connection, task_ids=task_ids)
    await_verdict = {row[1] for row in found if row[6]}
    judged: list[str] = []
    if await_verdict:
        judged = verdicts.pronounce(connection, new[0].created_at, await_verdict)
    if judged:
        ended += judged
        found = sql.ACTIVE_OF_TASKS.rows(connection, task_ids=task_ids)
    heard = _heard(connection, {row[7] for row in found if row[2] == State.RUNNING}, liveness)
    for run_id, task_id, state, at, node, code, awaits, node_id, crashed_at, overlap_key in sorted(
        found, key=itemgetter(0)
    ):
        run = mapping.active_of(run_id, state, at, node, code, awaits, crashed_at)
        run = run._replace(heard_at=heard.get(node_id, SURELY)) if heard else run
        for group in (task_id, (task_id, overlap_key)):
            if group in active:
                active[group].append(run)
    return active


def _rivals(run: NewRun) -> Hashable:
    """Return which runs matter to a run: those of its task with the same `overlap_key`; if runs may
    overlap, all of its task, for its limits count all of them."""
    return run.task_id if run.overlap is Overlap.ALLOW else (run.task_id, run.overlap_key)


def _heard(
    connection: Connection, node_ids: Collection[str], liveness: NodeLiveness | None
) -> dict[str, Instant]:
    """Return the last heartbeat of each of these nodes, except this one."""
    if liveness is None:
        return {}
    others = [node_id for node_id in node_ids if node_id != liveness.own]
    if not others:
        return {}
    living = {node.id: liveness.heard_at(node) for node in verdicts.living(connection, others)}
    return {node_id: living.get(node_id, 0) for node_id in others}


def _is_to_be_decided(run: NewRun) -> bool:
    """Return whether other runs can matter to it: a shortcut past `decide`, never against it."""
    if run.state not in WAITING or run.caught_up:
        return False
    if run.overlap is Overlap.ALLOW:
        return run.queue_limit is not None and _is_occurrence(run)
    return _is_occurrence(run) or run.overlap is Overlap.REPLACE


def _is_occurrence(run: NewRun) -> bool:
    """Return whether a trigger names it, by its times or by upstream ends: no manual start."""
    return run.cause is Cause.SCHEDULE or run.upstream is not None


def _may_start(run: NewRun, beside: list[ActiveRun] | None) -> bool:
    """Return whether a new run need not wait: nothing of its task is active, or that is allowed."""
    if run.overlap is Overlap.ALLOW:
        return True
    return beside is not None and not beside and _is_to_be_decided(run)


def _decide(run: NewRun, beside: list[ActiveRun]) -> Decision:
    if run.follows and follows(run.follows, beside):
        return GO
    if run.overlap is Overlap.ALLOW:
        assert run.queue_limit is not None, "nothing is to be decided"
        return crowded(run.queue_limit, beside, run.max_running, run.limits)
    cause, at = run.cause, run.fire_time
    if run.upstream is not None:  # the instant that upstream ends name is long over by then
        cause, at = Cause.SCHEDULE, run.created_at
    return decide(run.overlap, run.queue_limit, cause, tuple(beside), at)


def _is_exclusive(run: NewRun) -> bool:
    return run.overlap is not Overlap.ALLOW


class _Plan:
    """The new rows of one batch; each is decided together with those before it."""

    def __init__(
        self,
        active: dict[Hashable, list[ActiveRun]],
        publish: Publish | None,
        liveness: NodeLiveness | None,
    ) -> None:
        self._active = active
        self._names = {liveness.own: liveness.name} if liveness and liveness.name else {}
        self._publish = publish
        self._offered: dict[str, NewRun] = {}
        self._rows: dict[str, tuple[NewRun, State, RunReason]] = {}
        self.left: list[NewRun] = []  # early ones whose task has an active run
        self._replaced: dict[str, tuple[str, Instant]] = {}
        self._awaits: dict[str, str] = {}  # run id → id of the run on which it awaits a verdict

    def add(self, run: NewRun) -> None:
        state, reason, awaits = run.state, run.reason, None
        beside = self._active.get(_rivals(run)) if self._active else None
        if beside and _is_to_be_decided(run):
            decision = _decide(run, beside)
            if run.early and (decision is not GO or run.overlap is not Overlap.ALLOW):
                self.left.append(run)
                return
            if decision.skip is not None:
                state, reason = State.SKIPPED, decision.skip
            if decision.awaits is not None:
                state, reason, awaits = State.QUEUED, decision.reason, decision.awaits
                self._awaits[run.id] = awaits
            if decision.cancel:
                self._replace(decision.cancel, run)
                beside[:] = [other for other in beside if other.state is State.RUNNING]
        offered = run.offered and self._publish is not None
        if (run.claim or offered) and state is State.QUEUED and _may_start(run, beside):
            if run.claim:
                state = State.RUNNING
            else:
                self._offered[run.id] = run
        self._rows[run.id] = run, state, reason
        if self._active and state in ACTIVE:
            node = self._names.get(run.claim or "", run.claim)
            active = ActiveRun(run.id, state, run.fire_time, node, reason.code, awaits)
            for group in (run.task_id, (run.task_id, run.overlap_key)):
                if group in self._active:
                    self._active[group].append(active)

    def _replace(self, run_ids: Sequence[str], by: NewRun) -> None:
        when = "started manually" if by.fire_time is None else f"of {to_iso(by.fire_time)}"
        reason = RunReason(ReasonCode.REPLACED, f"replaced by the run {when}")
        for run_id in run_ids:
            if run_id in self._rows:
                self._offered.pop(run_id, None)
                replaced = self._rows[run_id][0]
                self._rows[run_id] = replaced, State.CANCELLED, reason
            else:
                self._replaced[run_id] = (reason.text, by.created_at)

    def insert(self, connection: Connection) -> bool:
        """Write the rows; returns False, with half of it written, if not all of them were new."""
        waiting: list[Any] = []
        offered: list[Any] = []
        started: dict[str, list[Any]] = {}
        for run, state, reason in self._rows.values():
            own = state is State.RUNNING and run.claim
            others = offered if run.id in self._offered else waiting
            batch = started.setdefault(own, []) if own else others
            batch.append(mapping.new_run_row(run, state, reason))
        count = 0
        if waiting:
            count += sql.INSERT_RUNS.count(connection, planned=Batch(waiting))
        for node, batch in started.items():
            count += sql.INSERT_STARTED.count(connection, started=Batch(batch), node=node)
        if offered:
            at = next(iter(self._offered.values())).created_at
            count += sql.INSERT_OFFERED.count(connection, offered=Batch(offered), at=at)
        return count == len(self._rows)

    def publish(self, connection: Connection) -> None:
        """Give to a broker what was written as given."""
        if not self._offered or self._publish is None:
            return
        runs = [
            Waiting(
                *(run.id, run.task_id, run.fire_time, run.available_at),
                attempt=0,
                exclusive=_is_exclusive(run),
                priority=run.priority,
            )
            for run in self._offered.values()
        ]
        left = set(self._offered).difference(self._publish(runs, outbox_verbs.own_of(connection)))
        if left:
            outbox_verbs.WITHDRAW(connection, ids=encode(left))

    def written(self) -> list[PlannedRun]:
        return [
            PlannedRun(run.id, run.task_id, state, reason)
            for run, state, reason in self._rows.values()
        ]

    def have_wait(self, connection: Connection) -> None:
        """Note which runs wait for a verdict."""
        if self._awaits:
            verdicts.AWAIT(connection, awaiting=Batch(self._awaits.items()))

    def keep_nominal_times(self, connection: Connection) -> None:
        """Note which instants the rules name for runs that a calendar moved."""
        moved = [
            (run.id, run.nominal_time)
            for run, *_ in self._rows.values()
            if run.nominal_time is not None
        ]
        if moved:
            sql.SET_NOMINAL(connection, moved=Batch(moved))

    def note_upstream(self, connection: Connection) -> None:
        """Note which upstream runs named runs."""
        named = [
            (run.id, mapping.to_json(run.upstream))
            for run, *_ in self._rows.values()
            if run.upstream is not None
        ]
        if named:
            sql.NOTE_UPSTREAM(connection, named=Batch(named))

    def note_ended(self, ended: list[str]) -> None:
        """Add the ids of the runs that are over: written so, or replaced."""
        ended += [run.id for run, state, *_ in self._rows.values() if state in FINAL]
        ended += self._replaced

    def cancel_replaced(self, connection: Connection) -> None:
        """End the replaced runs that wait, and request the cancellation of the running ones."""
        if self._replaced:
            code = ReasonCode.REPLACED
            ends = [(id_, State.CANCELLED, *why, code) for id_, why in self._replaced.items()]
            asks = [(id_, reason) for id_, (reason, _) in self._replaced.items()]
            sql.END_WAITING(connection, ends=Batch(ends))
            sql.ASK_TO_CANCEL(connection, asks=Batch(asks))
