"""The writing verbs, over one open transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rota.core.access import Session, Token
from rota.core.audit import UNNAMED_ACTOR, Actor, Verb
from rota.core.ports.ledger import Limits, NodeLiveness, Publish
from rota.core.ports.records import (
    AttemptEnd,
    Claim,
    ClaimVerdict,
    Enqueued,
    HeartbeatAnswer,
    NewRun,
    NodeRecord,
    OnConflict,
    Orphan,
    PlannedRun,
    VerificationMark,
    Waiting,
)
from rota.core.reasons import ReasonCode
from rota.core.run import LogLine, Run, State, Step
from rota.core.time import DAY, SECOND, Instant
from rota.errors import NodeGoneError
from rota.ledger.sql import attempts, claim_mapping, mapping, nodes, verified_rows
from rota.ledger.sql import statements as sql
from rota.ledger.sql.json_batch import Batch, Row, encode
from rota.ledger.sql.soundness import parsed
from rota.ledger.task_transaction import SqlTaskVerbs
from rota.ledger.verbs import audit as audit_verbs
from rota.ledger.verbs import (
    cancelling,
    chains,
    claiming,
    enqueueing,
    reaping,
    replaying,
    retention,
    settling,
)
from rota.ledger.verbs import limits as limit_verbs
from rota.ledger.verbs import outbox as outbox_verbs
from rota.ledger.verbs import tokens as token_verbs
from rota.ledger.verbs.limits import Start


class SqlTransaction(SqlTaskVerbs):
    """The port's `Transaction`, each verb a statement or two, and a rule between them."""

    # --- the way of a run ---

    def plan(
        self,
        runs: Sequence[NewRun],
        planned_until: Mapping[str, Instant] | None = None,
        *,
        by: Actor = UNNAMED_ACTOR,
        publish: Publish | None = None,
        liveness: NodeLiveness | None = None,
    ) -> list[PlannedRun]:
        self._turn()
        planned = chains.plan(self._connection, runs, publish, liveness)
        if runs:
            entries = audit_verbs.of_runs(runs, planned)
            audit_verbs.note(self._connection, runs[0].created_at, by, entries)
        if planned_until:
            sql.MOVE_PLANNED_UNTIL(self._connection, planned_until=Batch(planned_until.items()))
        return planned

    def enqueue(
        self,
        runs: Sequence[NewRun],
        *,
        on_conflict: OnConflict = OnConflict.RETURN,
        key_until: Instant = 0,
        by: Actor | None = None,
    ) -> list[Enqueued]:
        return enqueueing.enqueue(self._connection, runs, on_conflict, key_until, by)

    def replay(
        self, runs: Sequence[NewRun], *, reason: str = "", by: Actor = UNNAMED_ACTOR
    ) -> list[PlannedRun]:
        self._turn()
        return replaying.replay(self._connection, runs, by, reason)

    def claim(
        self,
        node_id: str,
        now: Instant,
        limit: int,
        exclude: Collection[str],
        judge: Callable[[Sequence[Waiting]], ClaimVerdict],
        *,
        of_tasks: Collection[str] | None = None,
        among: Collection[str] | None = None,
        until: Instant | None = None,
        limits: Limits | None = None,
    ) -> list[Claim]:
        while True:
            if among is None:
                found = claiming.candidates(self._connection, now, limit, exclude, of_tasks)
            else:
                found = outbox_verbs.delivered(self._connection, until or now, among)
            candidates = self._startable(found, now)
            if candidates:
                break
            if not found:
                return []
        verdict = judge([claim_mapping.waiting_of(row) for row in candidates])
        code = ReasonCode.START_DEADLINE
        missed = [(run_id, State.MISSED, why, now, code) for run_id, why in verdict.miss]
        chains.end_waiting(self._connection, missed)
        offered = {row[0]: row for row in candidates}
        take = verdict.take
        if limits is not None:
            starts = [Start(id_, offered[id_][1], max(offered[id_][3], now)) for id_ in take]
            take = limit_verbs.admitted(self._connection, now, starts, limits)
            if among is not None:
                self.withdraw(set(verdict.take).difference(take))
        if take:
            self._take(take, node_id, now)
        return self._with_steps([claim_mapping.claim_of(offered[run_id]) for run_id in take])

    def _startable(self, candidates: Sequence[Row], now: Instant) -> list[Row]:
        """Return the candidates with sound rows, and end the others, which cannot be started."""
        flaws = {row[0]: flaw for row in candidates if (flaw := claim_mapping.flaw_of(row))}
        if again := [row[0] for row in candidates if row[4] and row[0] not in flaws]:
            for run_id, key, value in sql.STEPS_OF.rows(self._connection, ids=encode(again)):
                if what := claim_mapping.flaw_of_step(run_id, key, value):
                    flaws[run_id] = f"its step {key!r} holds {what}"
        code = ReasonCode.UNSTARTABLE
        ends = [
            (run_id, State.FAILED, f"its row is damaged: {why}", now, code)
            for run_id, why in flaws.items()
        ]
        chains.end_waiting(self._connection, ends)
        return [row for row in candidates if row[0] not in flaws]

    def _with_steps(self, claims: list[Claim]) -> list[Claim]:
        """Add to the claims the steps that earlier attempts of their runs completed; first attempts
        have none.
        """
        again = [claim.run_id for claim in claims if claim.attempt > 1]
        if not again:
            return claims
        done: dict[str, dict[str, Any]] = {}
        damage: dict[str, str] = {}
        for run_id, key, value in sql.STEPS_OF.rows(self._connection, ids=encode(again)):
            try:
                done.setdefault(run_id, {})[key] = parsed(value)
            except ValueError as error:
                damage[run_id] = f"its step {key!r}: {error}"
        return [
            claim._replace(
                steps=done.get(claim.run_id, claim.steps),
                damage=damage.get(claim.run_id, claim.damage),
            )
            for claim in claims
        ]

    def _take(self, run_ids: Sequence[str], node_id: str, now: Instant) -> None:
        taken = sql.TAKE.count(self._connection, ids=encode(run_ids), node=node_id, now=now)
        if taken < len(run_ids):  # all of them wait, and nothing else can take them meanwhile
            raise NodeGoneError(
                f"Node {node_id} may not claim: others declared it gone, or it never joined.",
                remedy="It has to join again; a running node does so by itself.",
            )

    def offer(
        self,
        now: Instant,
        limit: int,
        exclude: Collection[str],
        publish: Publish,
        *,
        limits: Limits | None = None,
    ) -> int:
        return outbox_verbs.offer(self._connection, now, limit, exclude, publish, limits)

    def withdraw(self, run_ids: Collection[str]) -> None:
        if run_ids:
            outbox_verbs.WITHDRAW(self._connection, ids=encode(run_ids))

    def overdue(self, before: Instant) -> dict[str, int]:
        return dict(outbox_verbs.OVERDUE.rows(self._connection, before=before))

    def recall(self, before: Instant, limit: int) -> int:
        return outbox_verbs.RECALL.count(self._connection, before=before, limit=limit)

    def settle(self, endings: Sequence[AttemptEnd], node_id: str) -> list[str]:
        return settling.settle(self._connection, endings, node_id) if endings else []

    def log(self, lines: Sequence[LogLine]) -> None:
        if lines:
            attempts.INSERT_LINES(self._connection, lines=Batch(lines))

    def progress(self, run_id: str, fence: int, value: Mapping[str, Any]) -> None:
        attempts.SET_PROGRESS(self._connection, id=run_id, held=fence, value=mapping.to_json(value))

    def checkpoint(self, run_id: str, fence: int, value: Any) -> bool:
        text = mapping.to_json(value)
        return (
            attempts.SET_CHECKPOINT.count(self._connection, id=run_id, held=fence, value=text) == 1
        )

    def remember(self, run_id: str, fence: int, step: Step) -> bool:
        row = mapping.step_row(step)
        return attempts.REMEMBER.count(self._connection, id=run_id, held=fence, **row) == 1

    def cancel(self, run_id: str, reason: str, now: Instant, *, by: Actor = UNNAMED_ACTOR) -> State:
        return cancelling.cancel(self._connection, run_id, reason, now, by)

    # --- nodes ---

    def join(self, node: NodeRecord) -> None:
        nodes.INSERT_NODE(self._connection, **mapping.node_row(node))

    def heartbeat(
        self, node_id: str, now: Instant, lease_until: Instant, info: Mapping[str, Any]
    ) -> HeartbeatAnswer:
        alive = nodes.BEAT.count(
            self._connection,
            node_id=node_id,
            now=now,
            until=lease_until,
            about=mapping.to_json(info),
        )
        if not alive:
            return HeartbeatAnswer(False, {})
        return HeartbeatAnswer(
            True,
            dict(nodes.CANCEL_REQUESTS.rows(self._connection, node_id=node_id)),
            draining=bool(nodes.IS_DRAINING.rows(self._connection, node_id=node_id)),
        )

    def drain(
        self,
        node_id: str,
        now: Instant,
        *,
        on: bool = True,
        reason: str = "",
        by: Actor = UNNAMED_ACTOR,
    ) -> bool:
        before, new = ("up", "draining") if on else ("draining", "up")
        if not nodes.DRAIN.count(self._connection, node_id=node_id, before=before, new=new):
            return False
        (name,) = nodes.NAME_OF.rows(self._connection, node_id=node_id)
        verb, after = Verb.DRAIN if on else Verb.UNDRAIN, {"node": name, "id": node_id}
        entry = audit_verbs.AuditEntry(verb, reason=reason, after=after)
        audit_verbs.note(self._connection, now, by, [entry])
        return True

    def leave(self, node_id: str, state: str, now: Instant) -> None:
        nodes.SET_NODE_STATE(self._connection, node_id=node_id, new=state, now=now)

    def reap(
        self,
        judge: Callable[[Orphan], AttemptEnd],
        gone: Collection[NodeRecord] = (),
        unconfirmed: Mapping[str, int] | None = None,
        *,
        now: Instant | None = None,
    ) -> list[Run]:
        self._turn()
        return reaping.reap(self._connection, judge, gone, unconfirmed or {}, now)

    # --- access ---

    def add_token(self, token: Token, *, by: Actor = UNNAMED_ACTOR) -> None:
        token_verbs.add(self._connection, token, by)

    def spend_token(self, token_id: str, now: Instant) -> bool:
        return token_verbs.SPEND_TOKEN.count(self._connection, token_id=token_id, now=now) == 1

    def revoke_token(
        self, name: str, now: Instant, *, reason: str = "", by: Actor = UNNAMED_ACTOR
    ) -> int:
        return token_verbs.revoke(self._connection, name, now, reason, by)

    def add_session(self, session: Session) -> None:
        token_verbs.INSERT_SESSION(self._connection, **asdict(session))

    def end_session(self, digest: str, now: Instant) -> bool:
        return token_verbs.end_session(self._connection, digest, now)

    def rewind(self, now: Instant) -> None:
        self._turn()
        span = {"ahead": now + SECOND, "limit": now + 31 * DAY}
        verified_rows.mark_rewind(self._connection, now, **span)
        sql.REWIND_PLANNED_UNTIL(self._connection, now=now, **span)
        nodes.REWIND_RUNS(self._connection, now=now, **span)
        nodes.REWIND_ATTEMPTS(self._connection, now=now, **span)
        nodes.FORGET_FUTURE(self._connection, made_after=mapping.first_id(now), **span)

    # --- verifying ---

    def mark(self, mark: VerificationMark) -> None:
        verified_rows.set_mark(self._connection, mark)

    def take_mark(self, name: str, now: Instant, until: Instant) -> VerificationMark | None:
        self._turn()
        return verified_rows.take_mark(self._connection, name, now, until)

    # --- retention ---

    def prune(self, before: Instant, limit: int) -> int:
        self._turn()
        return retention.prune(self._connection, before, limit)
