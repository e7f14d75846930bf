"""The one query that is composed: a page of runs, for any filter, along the fitting index."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Select, Text, and_, bindparam, func, literal_column, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from rota.core.ports.records import RunFilter
from rota.core.run import WAITING, Cause, State
from rota.core.time import DAY, MINUTE
from rota.ledger.schema.tables import (
    LATE,
    RARE,
    is_late,
    is_manual,
    is_rare,
    is_running,
    is_waiting,
    one_of,
    runs,
    word,
)
from rota.ledger.sql import mapping
from rota.ledger.sql.json_batch import position
from rota.ledger.sql.statement import Statement, all_of

SLACK = DAY  # a run is made after its fire time, by clocks that are at most so far apart

BY_REQUEST = frozenset(Cause) - {Cause.SCHEDULE}
"""The causes of the runs that may have tags of their own."""

_W = TypeVar("_W")


class Shape(NamedTuple):
    """What a page's query is made from; the values go in as parameters."""

    of_task: bool
    states: frozenset[State] | None
    causes: frozenset[Cause] | None
    since: bool
    until: bool
    after: bool
    newest_first: bool
    tag: bool = False


def shape_of(where: RunFilter, *, after: str | None, newest_first: bool) -> Shape:
    """Return what the query for this page looks like."""
    return Shape(
        of_task=where.task_id is not None,
        states=_words(where.states),
        causes=_causes(where),
        since=where.since is not None,
        until=where.until is not None,
        after=after is not None,
        newest_first=newest_first,
        tag=where.tag is not None,
    )


def _causes(where: RunFilter) -> frozenset[Cause] | None:
    if where.tag is None:
        return _words(where.causes)
    return BY_REQUEST if where.causes is None else BY_REQUEST.intersection(where.causes)


def _words(words: Collection[_W] | None) -> frozenset[_W] | None:
    return None if words is None else frozenset(words)


def parameters_of(where: RunFilter, *, after: str | None, limit: int) -> dict[str, Any]:
    """Return the values for that query."""
    made_since = None if where.since is None else mapping.first_id(where.since - SLACK)
    values = {
        "task_id": where.task_id,
        "since": where.since,
        "made_since": made_since,
        "until": where.until,
        "made_until": None
        if where.until is None
        else mapping.first_id(where.until + LATE + MINUTE),
        "after": after,
        "limit": limit,
        "tag": None if where.tag is None else f",{mapping.to_json(where.tag)},",
    }
    return {name: value for name, value in values.items() if value is not None}


@lru_cache(maxsize=256)
def page_query(shape: Shape) -> Statement:
    """Return the query of the runs (RUN) of a page, in its order."""
    query = select(*mapping.RUN)
    if shape.states is not None and State.SUCCEEDED not in shape.states:
        branches = [_ids_in(state, shape) for state in sorted(shape.states)]
    elif shape.causes is not None and Cause.SCHEDULE not in shape.causes:
        branches = [_ids_of(cause, shape) for cause in sorted(shape.causes)]
    elif shape.until and shape.newest_first and not shape.after:
        branches = _ids_until(shape)
    else:
        return Statement(all_of(_first(query, shape).where(*_filter(shape), *_in_states(shape))))
    ids = union_all(*(select(branch.subquery().c.id) for branch in branches)).subquery()
    return Statement(all_of(_first(query, shape).where(runs.c.id.in_(select(ids.c.id)))))


def _first(query: Select[Any], shape: Shape) -> Select[Any]:
    order = runs.c.id.desc() if shape.newest_first else runs.c.id.asc()
    return query.order_by(order).limit(bindparam("limit"))


def _in_states(shape: Shape) -> list[ColumnElement[bool]]:
    return [] if shape.states is None else [one_of(runs.c.state, shape.states)]


# If the runs of a page are few among many, their ids are found by an index of only such runs.


def _ids_of(cause: Cause, shape: Shape) -> Select[Any]:
    """Return ids of runs with this cause, which is not the schedule."""
    own = [is_manual(runs), runs.c.cause == word(cause)]
    return _first(select(runs.c.id).where(*own, *_filter(shape), *_in_states(shape)), shape)


def _ids_until(shape: Shape) -> list[Select[Any]]:
    """Return ids from the place on at which the time is reached, and of runs that were made long
    after it.
    """
    made = bindparam("made_until", type_=Text)
    wanted = [*_filter(shape), *_in_states(shape)]
    early = select(runs.c.id).where(runs.c.id < made, *wanted)
    late = select(runs.c.id).where(is_late(runs), runs.c.id >= made, *wanted)
    return [_first(early, shape), _first(late, shape)]


def _ids_in(state: State, shape: Shape) -> Select[Any]:
    """Return ids of runs in `state`, with the words of the partial index that has those runs."""
    query = select(runs.c.id).where(runs.c.state == word(state))
    if state in RARE:
        return _first(query.where(is_rare(runs), *_filter(shape)), shape)
    # All of them: with the order of ids in sight, SQLite would walk the whole table along it
    # rather than look into the small index of those that have not ended.
    partial = is_waiting(runs) if state in WAITING else is_running(runs)
    return query.where(partial, *_filter(shape, run_id=runs.c.id.concat(word(""))))


def _filter(shape: Shape, run_id: ColumnElement[str] = runs.c.id) -> list[ColumnElement[bool]]:
    moment = func.coalesce(runs.c.fire_time, runs.c.created_at)
    terms: list[ColumnElement[bool]] = []
    if shape.of_task:
        terms.append(runs.c.task_id == bindparam("task_id"))
    if shape.causes is not None:
        terms.append(one_of(runs.c.cause, shape.causes))
    if shape.since:
        terms.append(moment >= bindparam("since"))
        if shape.newest_first or not shape.after:  # else `after` is the nearer bound
            terms.append(run_id >= bindparam("made_since"))
    if shape.until:
        terms.append(moment < bindparam("until"))
    if shape.after:
        after: ColumnElement[Any] = bindparam("after")
        terms.append(run_id < after if shape.newest_first else run_id > after)
    if shape.tag:
        terms.append(_has_tag())
    return terms


_TAGS = '"tags":['


def _has_tag() -> ColumnElement[bool]:
    """Return the condition that a run has the tag among its own ones.

    They are looked for in the text of its options: reading that as JSON would fail for a damaged
    row. A tag has neither quotes nor brackets nor commas, so the list ends at the first bracket.
    """
    text, found = runs.c.options, position(runs.c.options, literal_column(f"'{_TAGS}'", Text))
    rest = func.substr(text, found + len(_TAGS), type_=Text)
    comma: ColumnElement[Any] = word(",")
    tags = func.substr(rest, 1, position(rest, word("]")) - 1, type_=Text)
    listed = comma.concat(tags).concat(comma)
    return and_(found > 0, position(rest, word("]")) > 0, position(listed, bindparam("tag")) > 0)
