"""Opens maintenance windows manually, closes them, and moves the runs that wait for their end.

A closed window stays until it is pruned: occurrences that fell into it may be planned later.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from rota.core.audit import Actor, Verb, name_of
from rota.core.ports.windows import DelayedStart, OpenedWindow, WindowAction, about
from rota.core.reasons import ReasonCode
from rota.core.run import State
from rota.core.time import Instant, to_iso
from rota.errors import UnknownWindowError
from rota.ledger.schema.tables import is_waiting, runs, windows
from rota.ledger.sql.json_batch import Batch, incoming
from rota.ledger.sql.statement import Statement, all_of
from rota.ledger.verbs import audit as audit_verbs

_COLUMNS = tuple(windows.c)

WINDOWS = Statement(all_of(select(*_COLUMNS).order_by(windows.c.id)))
"""The opened windows, by id."""

_window_in = {column.name: bindparam(f"w_{column.name}", type_=column.type) for column in _COLUMNS}
INSERT_WINDOW = Statement(insert(windows).values(_window_in))
SET_WINDOW = Statement(
    update(windows)
    .where(windows.c.id == bindparam("id"))
    .values(until=bindparam("last"), reason=bindparam("why"))
)
DELETE_OLD = Statement(delete(windows).where(windows.c.until < bindparam("before")))

_is_delayed = (
    is_waiting(runs),
    runs.c.state == State.SCHEDULED.value,
    runs.c.reason_code == ReasonCode.WINDOW.value,
)
DELAYED = Statement(
    all_of(
        select(runs.c.id, runs.c.task_id, runs.c.fire_time, runs.c.available_at).where(
            *_is_delayed, runs.c.fire_time.is_not(None)
        )
    )
)
"""The runs that wait for the end of a window: id, task id, instant, start."""

_moved_in = incoming("moved", runs.c.id, runs.c.available_at, runs.c.reason)
MOVE = Statement(
    update(runs)
    .where(runs.c.id == _moved_in.c.id, *_is_delayed)
    .values(available_at=_moved_in.c.available_at, reason=_moved_in.c.reason)
)


def opened_windows(connection: Connection) -> list[OpenedWindow]:
    """Return the windows that were opened manually; one that cannot be read is left out."""
    return [one for row in WINDOWS.rows(connection) if (one := _read(row)) is not None]


def open_window(connection: Connection, wanted: OpenedWindow, by: Actor) -> OpenedWindow:
    """Open a window; see the port."""
    opened = opened_windows(connection)
    for known in opened:
        if known.lasts(wanted.since) and known.scope == wanted.scope:
            after = known._replace(until=wanted.until, reason=wanted.reason)
            if after != known:
                SET_WINDOW(connection, id=known.id, last=after.until, why=after.reason)
                _note(connection, Verb.OPEN, known, after, wanted.since, wanted.reason, by)
            return after
    number = max((one.id for one in opened), default=0) + 1
    new = wanted._replace(id=number, by=name_of(by))
    row = (*new[:5], json.dumps(new.tags), json.dumps(new.tasks), new.reason, new.by)
    INSERT_WINDOW(connection, **{f"w_{c.name}": v for c, v in zip(_COLUMNS, row, strict=True)})
    _note(connection, Verb.OPEN, None, new, wanted.since, new.reason, by)
    return new


def close_window(
    connection: Connection, window_id: int, now: Instant, reason: str, by: Actor
) -> OpenedWindow:
    """Close a window; see the port."""
    opened = opened_windows(connection)
    known = next((one for one in opened if one.id == window_id), None)
    if known is None:
        raise UnknownWindowError(
            f"no window that was opened has the id {window_id}.",
            remedy="`rota windows ls` lists them; those of the configuration have no id.",
        )
    if not known.lasts(now):
        return known
    after = known._replace(until=max(known.since, now))
    SET_WINDOW(connection, id=window_id, last=after.until, why=after.reason)
    _note(connection, Verb.CLOSE, known, after, now, reason, by)
    return after


def move_delayed(
    connection: Connection, starts: Sequence[DelayedStart], opened: Sequence[OpenedWindow]
) -> list[str]:
    """Give runs their new start; see the port."""
    if opened_windows(connection) != list(opened):
        return []  # its reader hears of the change, and counts again
    MOVE(connection, moved=Batch(starts))
    wanted = {one.run_id for one in starts}
    return [row[0] for row in DELAYED.rows(connection) if row[0] in wanted]


def _read(row: Sequence[object]) -> OpenedWindow | None:
    number, since, until, action, everyone, tags, tasks, reason, by = row
    try:
        return OpenedWindow(
            int(str(number)),
            int(str(since)),
            None if until is None else int(str(until)),
            WindowAction(str(action)),
            bool(everyone),
            tuple(map(str, json.loads(str(tags)))),
            tuple(map(str, json.loads(str(tasks)))),
            str(reason),
            str(by),
        )
    except (ValueError, TypeError):
        return None  # damaged, or of a later release


def _note(
    connection: Connection,
    verb: Verb,
    before: OpenedWindow | None,
    after: OpenedWindow,
    now: Instant,
    reason: str,
    by: Actor,
) -> None:
    entry = audit_verbs.AuditEntry(
        verb,
        reason=reason,
        before=None if before is None else _shown(before),
        after=_shown(after),
    )
    audit_verbs.note(connection, now, by, [entry])


def _shown(window: OpenedWindow) -> dict[str, object]:
    return {
        "window": window.id,
        "held": about(window.everyone, window.tags, window.tasks),
        "action": window.action.value,
        "until": None if window.until is None else to_iso(window.until),
    }
