"""The SQL statements of attempts: how they end, what their runs become, and their log lines.

All are fenced: they change nothing of a run that another node, or a later attempt, owns by now.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BindParameter,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.sql.elements import CompilerElement

from rota.core.outcome import OutcomeKind
from rota.ledger.schema.tables import attempts, is_running, logs, runs, steps, word
from rota.ledger.sql import mapping
from rota.ledger.sql.json_batch import incoming
from rota.ledger.sql.statement import Insert, Statement, all_of, in_each

_id: BindParameter[Any] = bindparam("id")

# --- how they end -------------------------------------------------------------------------------

_settled_in = incoming("settled", *mapping.SETTLED)
_holds = and_(
    runs.c.id == _settled_in.c.id,
    is_running(runs),
    runs.c.fence == _settled_in.c.fence,
)
_becomes: dict[str, Any] = {
    "state": _settled_in.c.state,
    "reason": _settled_in.c.reason,
    "failures": _settled_in.c.failures,
    "crashes": _settled_in.c.crashes,
    "available_at": func.coalesce(_settled_in.c.available_at, runs.c.available_at),
    "result": _settled_in.c.result,
    "finished_at": _settled_in.c.finished_at,
    "peak_memory": _settled_in.c.peak_memory,
    "started_at": case(
        (runs.c.attempt == literal_column("1"), _settled_in.c.attempt_started_at),
        else_=runs.c.started_at,
    ),
    "attempt_started_at": _settled_in.c.attempt_started_at,
    "reason_code": _settled_in.c.reason_code,
    "error_type": _settled_in.c.error_type,
    "checkpoint": case((_settled_in.c.finished_at.is_(None), runs.c.checkpoint)),
}
SETTLE = Statement(update(runs).where(_holds, runs.c.node == bindparam("node_id")).values(_becomes))
"""Write what runs become (SETTLED), if this node still holds them under that fence."""

HELD = Statement(
    all_of(
        select(_settled_in.c.id, _settled_in.c.fence)
        .join_from(_settled_in, runs, _holds)
        .where(runs.c.node == bindparam("node_id"))
        .with_for_update(of=runs)
    )
)
"""The runs of these (SETTLED) that this node still holds, and will until the end of the
transaction: id, fence.
"""

SETTLE_ORPHANS = Statement(
    update(runs).where(_holds).values(_becomes | {"fence": runs.c.fence + literal_column("1")})
)
"""Write what runs of dead nodes become (SETTLED); their old holder's fence is void."""

_attempts_in = incoming("ended", *mapping.ATTEMPT)
INSERT_ATTEMPTS = Statement(
    insert(attempts).from_select(
        [column.name for column in mapping.ATTEMPT], select(*_attempts_in.c).where(true())
    )
)
"""Write attempts (ATTEMPT)."""

# --- what they say ------------------------------------------------------------------------------

_lines_in = incoming("lines", *mapping.LOG)
_was_taken_over = (
    select(literal_column("1"))
    .where(
        attempts.c.run_id == _lines_in.c.run_id,
        attempts.c.number == _lines_in.c.attempt,
        attempts.c.outcome == word(OutcomeKind.CRASHED),
    )
    .exists()
)
INSERT_LINES = in_each(
    lambda insert: (
        insert(logs)
        .from_select(
            [column.name for column in mapping.LOG], select(*_lines_in.c).where(~_was_taken_over)
        )
        .on_conflict_do_nothing()
    )
)
"""Write log lines (LOG), but for those of an attempt that is known to have crashed."""

_under_fence = and_(runs.c.id == _id, is_running(runs), runs.c.fence == bindparam("held"))
SET_PROGRESS = Statement(update(runs).where(_under_fence).values(progress=bindparam("value")))
SET_CHECKPOINT = Statement(update(runs).where(_under_fence).values(checkpoint=bindparam("value")))


def _remember(insert: Insert) -> CompilerElement:
    # With the run kept until the end, no other node can take it over without seeing the step.
    step = select(runs.c.id, *(bindparam(column.name) for column in mapping.STEP))
    held = step.where(_under_fence).with_for_update(of=runs)
    names = ["run_id", *(column.name for column in mapping.STEP)]
    written = insert(steps).from_select(names, held)
    remember: CompilerElement = written.on_conflict_do_update(
        index_elements=[steps.c.run_id, steps.c.key],
        set_={"value": written.excluded.value, "at": written.excluded.at},
    )
    return remember


REMEMBER = in_each(_remember)
"""Write a step (STEP) of a run that is held under this fence, in place of one with its key."""
