"""The statements of history that sum many runs up in few rows, by slices of time.

Time is cut into slices of `slice` microseconds from `since` on, numbered from 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    Text,
    bindparam,
    case,
    func,
    literal_column,
    select,
)
from sqlalchemy.sql.functions import Function

from rota.core.outcome import LONGEST_KIND
from rota.core.reasons import ReasonCode
from rota.core.run import FAILURE_CODES, State
from rota.ledger.schema.tables import is_rare, one_of, runs, word
from rota.ledger.sql.statement import Statement, all_of

MOST_FAILURES = 2_000

_since: BindParameter[int] = bindparam("since", type_=BigInteger)
_until: BindParameter[int] = bindparam("until", type_=BigInteger)
_slice: BindParameter[int] = bindparam("slice", type_=BigInteger)
_made = runs.c.id >= bindparam("made_since", type_=Text)
"""Where to begin to read: ids sort by the time at which runs were made."""


def _slice_of(moment: ColumnElement[int]) -> ColumnElement[int]:
    return (moment - _since) // _slice


# --- what went wrong ----------------------------------------------------------------------------


def _failures(position: Function[int]) -> Callable[[], Select[Any]]:
    lead = case((position > 1, func.substr(runs.c.reason, 1, position - 1)), else_=runs.c.reason)
    place = _slice_of(runs.c.finished_at).label("slice")
    code = runs.c.reason_code
    kind = case(
        (one_of(code, FAILURE_CODES), code),
        (runs.c.error_type != word(""), runs.c.error_type),
        (code == word(ReasonCode.TOTAL_TIMEOUT), code),
        else_=func.substr(lead, 1, literal_column(str(LONGEST_KIND))),
    ).label("kind")
    count = func.count().label("count")
    groups = (
        select(
            place,
            runs.c.task_id,
            kind,
            count,
            func.min(runs.c.finished_at).label("first"),
            func.max(runs.c.finished_at).label("last"),
            func.max(runs.c.id).label("example"),
        )
        .where(
            one_of(runs.c.state, frozenset({State.FAILED, State.LOST})),
            is_rare(runs),
            _made,
            runs.c.finished_at >= _since,
            runs.c.finished_at < _until,
        )
        .group_by(literal_column("1"), runs.c.task_id, literal_column("3"))
        .order_by(count.desc(), place.desc())
        .limit(literal_column(str(MOST_FAILURES)))
        .subquery()
    )
    example = runs.alias("newest")
    return all_of(
        select(*groups.c, example.c.reason).join_from(
            groups, example, example.c.id == groups.c.example
        )
    )


_COLON = literal_column("': '", Text)
FAILURES = Statement(
    _failures(func.instr(runs.c.reason, _COLON)),
    postgresql=_failures(func.strpos(runs.c.reason, _COLON)),
)
"""The runs that went wrong (Failures), by slice of their end, task and `core.run.failure_kind`."""


# --- what went on -------------------------------------------------------------------------------

_start = func.coalesce(runs.c.started_at, runs.c.fire_time, runs.c.created_at)
_end = case((runs.c.started_at.is_(None), _start), else_=runs.c.finished_at)

# Each group is expensive: a begin before `since` is not cut here, but marked by a slice of -1.
BUNDLES = Statement(
    all_of(
        select(
            runs.c.task_id,
            runs.c.state,
            case((_start < _since, literal_column("-1")), else_=_slice_of(_start)).label("began"),
            _slice_of(_end).label("ended"),
            func.count().label("count"),
            func.min(_start).label("first"),
            func.max(_end).label("last"),
            func.sum(_start - _since).label("begins"),
            func.sum(_end - _since).label("ends"),
            func.max(runs.c.id).label("example"),
        )
        .where(runs.c.finished_at.is_not(None), _made, _end >= _since, _end < _until)
        .group_by(runs.c.task_id, runs.c.state, literal_column("3"), literal_column("4"))
    )
)
"""The ended runs of a time (RunSpanAggregate), by task, state, and the slices they began and
ended in."""


# --- how many -----------------------------------------------------------------------------------

_moment = func.coalesce(runs.c.fire_time, runs.c.created_at)

TALLIES = Statement(
    all_of(
        select(_slice_of(_moment).label("slice"), runs.c.state, func.count().label("count"))
        .where(_made, _moment >= _since, _moment < _until)
        .group_by(literal_column("1"), runs.c.state)
    )
)
"""How many runs there are (StateCount), by slice of their fire time, or their making, and state."""
