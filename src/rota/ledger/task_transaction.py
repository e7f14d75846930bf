"""The writing side of tasks: the verbs that change what is laid over the code."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from rota.core.audit import UNNAMED_ACTOR, Actor, Verb, name_of
from rota.core.ports.records import Edits, NewRun, StoredTask, TaskRecord
from rota.core.ports.windows import DelayedStart, OpenedWindow
from rota.core.time import Instant, to_iso
from rota.errors import StateError
from rota.ledger import windows
from rota.ledger.sql import nodes
from rota.ledger.turn import take_turn
from rota.ledger.verbs import audit as audit_verbs
from rota.ledger.verbs import chains, failing, pauses
from rota.ledger.verbs import tasks as task_verbs


class SqlTaskVerbs:
    """The port's `TaskTransaction`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _turn(self) -> None:
        take_turn(self._connection)

    def register(
        self, tasks: Sequence[TaskRecord], now: Instant, *, by: Actor | None = None
    ) -> dict[str, StoredTask]:
        self._turn()
        groups = pauses.group_pauses(self._connection, now)
        stored = task_verbs.register(
            self._connection, tasks, now, lambda task: pauses.with_groups(task, groups, now)
        )
        if by is not None:
            made = [audit_verbs.of_task(Verb.CREATE, None, task) for task in stored.values()]
            audit_verbs.note(self._connection, now, by, made)
        return stored

    def pause(
        self,
        task_id: str,
        now: Instant,
        until: Instant | None,
        reason: str,
        *,
        by: Actor = UNNAMED_ACTOR,
    ) -> None:
        self._turn()
        changed = pauses.pause_task(self._connection, task_id, now, until, reason, name_of(by))
        self._note(Verb.PAUSE, changed, now, reason, by)

    def resume(
        self,
        task_id: str,
        now: Instant,
        *,
        catch_up: bool = False,
        reason: str = "",
        by: Actor = UNNAMED_ACTOR,
    ) -> None:
        self._turn()
        changed = pauses.resume_task(self._connection, task_id, now, catch_up=catch_up)
        self._note(Verb.RESUME, changed, now, reason, by)

    def pause_group(
        self,
        tag: str | None,
        now: Instant,
        until: Instant | None,
        reason: str,
        *,
        by: Actor = UNNAMED_ACTOR,
    ) -> int:
        self._turn()
        return pauses.pause_group(self._connection, tag, now, until, reason, by)

    def resume_group(
        self,
        tag: str | None,
        now: Instant,
        *,
        catch_up: bool = False,
        reason: str = "",
        by: Actor = UNNAMED_ACTOR,
    ) -> int:
        self._turn()
        return pauses.resume_group(self._connection, tag, now, catch_up, reason, by)

    def open_window(self, wanted: OpenedWindow, *, by: Actor = UNNAMED_ACTOR) -> OpenedWindow:
        self._turn()
        return windows.open_window(self._connection, wanted, by)

    def close_window(
        self, window_id: int, now: Instant, *, reason: str = "", by: Actor = UNNAMED_ACTOR
    ) -> OpenedWindow:
        self._turn()
        return windows.close_window(self._connection, window_id, now, reason, by)

    def move_delayed(
        self, starts: Sequence[DelayedStart], opened: Sequence[OpenedWindow]
    ) -> list[str]:
        self._turn()
        return windows.move_delayed(self._connection, starts, opened)

    def pause_failing(self, task_id: str, most: int, now: Instant) -> bool:
        self._turn()
        return failing.pause_failing(self._connection, task_id, most, now)

    def skip(self, run: NewRun, *, reason: str = "", by: Actor = UNNAMED_ACTOR) -> None:
        assert run.fire_time is not None, "only an occurrence can be skipped"
        self._turn()
        now = run.created_at
        changed = task_verbs.skip(self._connection, run.task_id, run.fire_time, now)
        if not chains.plan(self._connection, [run]):
            raise StateError(
                f"The occurrence of {to_iso(run.fire_time)} has its run already.",
                remedy="Cancel that run if it waits or runs.",
            )
        self._note(Verb.SKIP, changed, now, reason, by)

    def edit(
        self,
        task_id: str,
        edits: Edits,
        now: Instant,
        *,
        reset: Collection[str] = (),
        reason: str = "",
        by: Actor = UNNAMED_ACTOR,
    ) -> StoredTask:
        self._turn()
        changed = task_verbs.edit(self._connection, task_id, edits, now, reset, reason, by)
        self._note(Verb.EDIT, changed, now, reason, by)
        return changed[1]

    def remove(
        self, task_id: str, now: Instant, *, reason: str = "", by: Actor = UNNAMED_ACTOR
    ) -> None:
        self._turn()
        ending = chains.active_of(self._connection, [task_id])
        changed = task_verbs.remove(self._connection, task_id, now)
        chains.follow(self._connection, ending, now)
        self._note(Verb.REMOVE, changed, now, reason, by)

    def _note(
        self, verb: Verb, changed: task_verbs.Changed, now: Instant, reason: str, by: Actor
    ) -> None:
        before, after = changed
        if after is not before:
            entry = audit_verbs.of_task(verb, before, after, reason)
            audit_verbs.note(self._connection, now, by, [entry])

    def seen(self, task_ids: Collection[str], now: Instant) -> None:
        self._turn()
        task_verbs.seen(self._connection, task_ids, now)

    def forget(self, unseen_since: Instant, now: Instant) -> list[str]:
        self._turn()
        unseen = nodes.UNSEEN_TASKS.rows(self._connection, since=unseen_since)
        ending = chains.active_of(self._connection, unseen) if unseen else []
        gone = task_verbs.forget(self._connection, unseen_since, now)
        chains.follow(self._connection, ending, now)
        return gone
