"""The statements of verification: the past rules, the rows by their occurrences, and the impossible
rows.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    union,
    union_all,
)

from rota.core.audit import Verb
from rota.core.run import FINAL, Cause, State
from rota.core.trigger import LEAD
from rota.core.verification.oddities import APART, LARGEST, RunFacts
from rota.ledger.schema.tables import (
    attempts,
    audit,
    is_living,
    is_rare,
    is_running,
    is_waiting,
    logs,
    marks,
    nodes,
    one_of,
    rules,
    runs,
    steps,
    tasks,
    word,
)
from rota.ledger.sql.json_batch import gathered, listed
from rota.ledger.sql.soundness import LATEST
from rota.ledger.sql.statement import Statement, all_of, in_each

_now: BindParameter[Any] = bindparam("now")
_since: BindParameter[Any] = bindparam("since")
_made: BindParameter[Any] = bindparam("made_since")
_limit: BindParameter[Any] = bindparam("limit")
_one: ColumnElement[Any] = literal_column("1")
_zero: ColumnElement[Any] = literal_column("0")

# --- what the rules were -------------------------------------------------------------------------

_KEPT = tuple(column for column in rules.c if column.name not in ("task_id", "since", "until"))
_is_known = and_(tasks.c.rule_since.is_not(None), tasks.c.rule_revision == tasks.c.revision)

KEEP_RULES = in_each(
    lambda insert: (
        insert(rules)
        .from_select(
            ["task_id", "since", "until", *(column.name for column in _KEPT)],
            select(
                tasks.c.id,
                tasks.c.rule_since,
                bindparam("now", type_=BigInteger),
                *(tasks.c[column.name] for column in _KEPT),
            ).where(tasks.c.id.in_(listed("ids")), _is_known, tasks.c.dst.is_not(None)),
        )
        .on_conflict_do_nothing()
    )
)
"""Keep the present rule of these tasks' occurrences, before it is changed."""


def _first_ids(column: Column[Any]) -> Select[Any]:
    first = select(column.label("id")).where(column > bindparam("after")).order_by(column)
    return select(first.distinct().limit(_limit).subquery().c.id)


_every_id = union(_first_ids(tasks.c.id), _first_ids(rules.c.task_id)).subquery()
TASK_IDS = Statement(all_of(select(_every_id.c.id).order_by(_every_id.c.id).limit(_limit)))
"""The ids of tasks that there are, or were, after one of them."""

RULE = ("task_id", "revision", "since", "until", *(c.name for c in _KEPT if c.name != "revision"))
_present: dict[str, ColumnElement[Any]] = {
    **{column.name: column for column in tasks.c},
    "task_id": tasks.c.id,
    "since": tasks.c.rule_since,
    "until": literal_column("NULL", BigInteger),
}
_ever = union_all(
    select(*(rules.c[name] for name in RULE)).where(rules.c.task_id.in_(listed("ids"))),
    select(*(_present[name].label(name) for name in RULE)).where(
        tasks.c.id.in_(listed("ids")), _is_known, tasks.c.dst.is_not(None)
    ),
).subquery()
RULES = Statement(select(gathered(*_ever.c)))
"""Every rule of these tasks (RULE), in no order."""

PRUNE_RULES = Statement(delete(rules).where(rules.c.until < bindparam("before")))
"""Delete the rules that no longer held by then."""

# --- marks ---------------------------------------------------------------------------------------


def _set_mark(insert: Any) -> Any:
    written = insert(marks).values(
        {column.name: bindparam(column.name, type_=column.type) for column in marks.c}
    )
    others = {c.name: written.excluded[c.name] for c in marks.c if c is not marks.c.name}
    return written.on_conflict_do_update(index_elements=[marks.c.name], set_=others)


SET_MARK = in_each(_set_mark)
MARKS = Statement(select(gathered(*marks.c)))
PRUNE_MARKS = Statement(
    delete(marks).where(
        marks.c.name.like(literal_column("'rewound %'")), marks.c.until < bindparam("before")
    )
)
"""Delete the marks of clocks that were ahead of a time that is no longer verified."""

_ahead = bindparam("ahead", type_=BigInteger), bindparam("limit", type_=BigInteger)
FURTHEST = Statement(
    select(
        select(func.max(tasks.c.planned_until))
        .where(tasks.c.planned_until.between(*_ahead))
        .scalar_subquery(),
        select(func.max(nodes.c.seen_at)).where(nodes.c.seen_at.between(*_ahead)).scalar_subquery(),
    )
)
"""The furthest that a clock was ahead, by planning and by the nodes' heartbeats."""

# --- rows ----------------------------------------------------------------------------------------

_ROW = (
    runs.c.task_id,
    runs.c.fire_time,
    runs.c.id,
    runs.c["count"],
    runs.c.created_at,
    case((runs.c.cause == word(Cause.SCHEDULE), _one), else_=_zero).label("is_planned"),
)
OCCURRENCES = Statement(
    all_of(
        select(*_ROW)
        .where(
            runs.c.task_id.in_(listed("ids")),
            runs.c.fire_time.is_not(None),
            runs.c.fire_time >= _since,
            runs.c.fire_time <= bindparam("until"),
        )
        .order_by(runs.c.task_id, runs.c.fire_time)
        .limit(_limit)
    )
)
"""The first rows of these tasks' occurrences, by task and instant."""

SUMMARIES = Statement(
    all_of(
        select(*_ROW).where(
            runs.c.task_id.in_(listed("ids")),
            is_rare(runs),
            one_of(runs.c.state, frozenset({State.MISSED, State.SKIPPED})),
            runs.c["count"] > _one,
            # Not by the index of all occurrences: these are few.
            runs.c.fire_time + _zero < bindparam("before"),
        )
    )
)
"""The rows of these tasks that cover several occurrences, in no order."""

_own_attempts = attempts.c.run_id == runs.c.id
_number_of_attempts = select(func.count()).where(_own_attempts).scalar_subquery()
_last_attempt = (
    select(func.coalesce(func.max(attempts.c.number), _zero)).where(_own_attempts).scalar_subquery()
)
_FACTS = (
    *(runs.c[field.name] for field in fields(RunFacts)[:-2]),
    _number_of_attempts.label("attempts"),
    _last_attempt.label("last_attempt"),
)
_ended_well = one_of(runs.c.state, frozenset({State.SUCCEEDED, State.RUNNING}))
_has_begun = runs.c.started_at.is_not(None)
_COUNTS = (runs.c.attempt, runs.c.failures, runs.c.crashes, runs.c["count"], runs.c.fence)
_TIMES = (runs.c.fire_time, runs.c.created_at, runs.c.available_at, runs.c.started_at)
_possible: tuple[ColumnElement[Any], ColumnElement[Any]] = (
    literal_column(str(-LARGEST)),
    literal_column(str(LARGEST)),
)
_LATER_TIMES = (runs.c.finished_at, runs.c.attempt_started_at)
_is_damaged = or_(
    runs.c.state.is_(None),
    runs.c.cause.is_(None),
    *(column.is_(None) for column in (*_COUNTS, runs.c.created_at, runs.c.available_at)),
    # SQLite keeps a text, a blob or a fraction in a column of whole numbers; the first two are more
    # than any number.
    *(~one.between(*_possible) for one in (*_COUNTS, *_TIMES, *_LATER_TIMES)),
    *(cast(one, BigInteger) != one for one in (*_COUNTS, *_TIMES, *_LATER_TIMES)),
)
"""Nothing, or no number that can be, in a column of a run."""

_odd = or_(
    _is_damaged,
    runs.c.started_at < runs.c.fire_time - literal_column(str(LEAD)),
    and_(
        runs.c.attempt == _one,
        runs.c.started_at < runs.c.available_at - literal_column(str(LEAD)),
    ),
    runs.c.finished_at
    < func.coalesce(runs.c.started_at, runs.c.created_at) - literal_column(str(APART)),
    runs.c.fence < runs.c.attempt,
    runs.c.fence > runs.c.attempt * literal_column("2"),
    and_(runs.c.attempt > _zero, runs.c.started_at.is_(None)),
    and_(runs.c.attempt == _zero, or_(_has_begun, _ended_well)),
    and_(
        runs.c.attempt == _zero,
        one_of(runs.c.state, frozenset({State.FAILED, State.LOST})),
    ),
    runs.c["count"] != _one,
    runs.c.failures + runs.c.crashes > runs.c.attempt,
    and_(runs.c.fire_time.is_(None), runs.c.cause == word(Cause.SCHEDULE)),
    and_(runs.c.finished_at.is_(None), ~one_of(runs.c.state, frozenset(State) - FINAL)),
    and_(runs.c.finished_at.is_not(None), ~one_of(runs.c.state, FINAL)),
    and_(runs.c.state == word(State.RUNNING), runs.c.node.is_(None)),
    ~one_of(runs.c.cause, frozenset(Cause)),
)
_odd_attempts = or_(
    runs.c.attempt > _one,
    and_(runs.c.attempt == _one, ~_ended_well),
    exists(select(_one).where(_own_attempts)),
)
ODD = Statement(all_of(select(*_FACTS).where(runs.c.id >= _made, _odd).limit(_limit)))
"""The runs that may hold impossible values (Facts); the rule decides which do."""

_expected = runs.c.attempt - case((_ended_well, _one), else_=_zero)
ODD_ATTEMPTS = Statement(
    all_of(
        select(*_FACTS)
        .where(
            runs.c.id >= _made,
            _odd_attempts,
            or_(_number_of_attempts != _expected, _last_attempt != _expected),
        )
        .limit(_limit)
    )
)
"""The runs whose attempts are not all on record, or too many (Facts)."""

_holder = nodes.alias("holder")
_left = or_(
    _holder.c.id.is_(None),
    ~one_of(_holder.c.state, frozenset({"up", "draining"})),
    and_(
        _holder.c.lease_until < bindparam("quiet_since"),
        exists(
            select(_one).where(
                is_living(nodes),
                nodes.c.lease_until >= _now,
                nodes.c.started_at < bindparam("quiet_since"),
            )
        ),
    ),
)
HELD_BY_NO_NODE = Statement(
    all_of(
        select(runs.c.id, runs.c.task_id, runs.c.fire_time, runs.c.node)
        .join_from(runs, _holder, _holder.c.id == runs.c.node, isouter=True)
        .where(is_running(runs), runs.c.attempt_started_at < bindparam("quiet_since"), _left)
        .limit(_limit)
    )
)
"""The runs on a node that does not exist, or that has been silent while other nodes are up."""

BESIDE = Statement(
    all_of(
        select(runs.c.task_id, func.count().label("number"), func.max(runs.c.id).label("last"))
        .where(is_running(runs), runs.c.exclusive)
        .group_by(runs.c.task_id)
        .having(func.count() > _one)
        .limit(_limit)
    )
)
"""Tasks with more than one running run among those that exclude each other."""


def _strays(table: Any) -> Any:
    owned = exists(select(_one).where(runs.c.id == table.c.run_id))
    return (
        select(table.c.run_id, literal_column(f"'{table.name}'", Text).label("what"))
        .where(table.c.run_id >= _made, ~owned)
        .distinct()
    )


_stray = union_all(*(_strays(table) for table in (attempts, steps, logs))).subquery()
STRAYS = Statement(all_of(select(*_stray.c).limit(_limit)))
"""The ids of runs that are gone, of which something else is there."""

_known_ids = union_all(select(tasks.c.id), select(rules.c.task_id.label("id"))).subquery()
UNKNOWN = Statement(
    all_of(
        select(runs.c.task_id, func.count().label("number"), func.max(runs.c.id).label("last"))
        .where(
            runs.c.id >= _made,
            runs.c.task_id.not_in(select(_known_ids.c.id)),
        )
        .group_by(runs.c.task_id)
        .limit(_limit)
    )
)
"""Unknown tasks, with how many runs they have."""

_deed = audit.alias("deed")
_last_deed = (
    select(_deed.c.verb)
    .where(
        _deed.c.task_id == tasks.c.id,
        one_of(_deed.c.verb, frozenset({Verb.PAUSE, Verb.RESUME})),
    )
    .order_by(_deed.c.id.desc())
    .limit(_one)
    .scalar_subquery()
)
PAUSED_WITHOUT_AUDIT = Statement(
    all_of(
        select(tasks.c.id, tasks.c.paused_since, tasks.c.paused_until)
        .where(
            tasks.c.paused_since > _since,
            or_(
                func.coalesce(_last_deed, word("")) != word(Verb.PAUSE),
                tasks.c.paused_until < tasks.c.paused_since,
            ),
        )
        .limit(_limit)
    )
)
"""Tasks whose pause no user set, or whose pause a user ended since."""

AHEAD = Statement(
    all_of(
        select(tasks.c.id, tasks.c.planned_until)
        .where(tasks.c.planned_until > bindparam("ahead"))
        .limit(_limit)
    )
)
"""Tasks that are planned up to an instant that is yet to come."""

_is_timed = and_(
    runs.c.available_at.is_not(None),
    runs.c.available_at.between(_zero, literal_column(str(LATEST))),
)
_is_ranked = and_(
    runs.c.priority.is_not(None),
    runs.c.priority.between(literal_column(str(-(2**31))), literal_column(str(2**31 - 1))),
)
UNREACHABLE = Statement(
    all_of(
        select(
            runs.c.id,
            runs.c.task_id,
            case((_is_timed, literal_column("'priority'")), else_=literal_column("'available_at'")),
        )
        .where(is_waiting(runs), or_(~_is_timed, ~_is_ranked))
        .limit(_limit)
    )
)
"""Waiting runs that the search for startable runs never finds, with the column that causes it."""
