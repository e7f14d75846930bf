"""The writing verbs of tasks: what the code says of them, and what is laid over it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from rota.core.audit import UNNAMED_ACTOR, Actor
from rota.core.ports.records import Edits, NewRun, StoredTask, TaskRecord
from rota.core.ports.windows import DelayedStart, OpenedWindow
from rota.core.time import Instant


class TaskTransaction(Protocol):
    """The part of a transaction that changes tasks."""

    def register(
        self, tasks: Sequence[TaskRecord], now: Instant, *, by: Actor | None = None
    ) -> dict[str, StoredTask]:
        """Store what the code defines and return what is stored for each task.

        A new task gets `now` as anchor and as `planned_until`. A task whose `schedule` changed, or
        that was disabled and is enabled now, keeps its anchor and gets `now` as `planned_until`. A
        removed task comes back. Only rows that differ are written. Without `by`, this is what the
        code says, which is not a change by a user.
        """

    def pause(
        self,
        task_id: str,
        now: Instant,
        until: Instant | None,
        reason: str,
        *,
        by: Actor = UNNAMED_ACTOR,
    ) -> None:
        """Pause a task; raises UnknownTaskError."""

    def resume(
        self,
        task_id: str,
        now: Instant,
        *,
        catch_up: bool = False,
        reason: str = "",
        by: Actor = UNNAMED_ACTOR,
    ) -> None:
        """End its own pause, so that it is planned from `now` on if no other pause holds it; with
        `catch_up`, what fell into the pause is planned as after a downtime.
        """

    def pause_group(
        self,
        tag: str | None,
        now: Instant,
        until: Instant | None,
        reason: str,
        *,
        by: Actor = UNNAMED_ACTOR,
    ) -> int:
        """Pause the tasks with a tag, or all, those that are registered later as well; returns how
        many it holds. Raises DefinitionError for a tag that no task has.
        """

    def resume_group(
        self,
        tag: str | None,
        now: Instant,
        *,
        catch_up: bool = False,
        reason: str = "",
        by: Actor = UNNAMED_ACTOR,
    ) -> int:
        """End the pause of a tag, or of all tasks, as `resume` does; returns how many tasks it
        held.
        """

    def open_window(self, wanted: OpenedWindow, *, by: Actor = UNNAMED_ACTOR) -> OpenedWindow:
        """Open a maintenance window, whose id and author are given here; one that lasts and is
        about the same tasks, with the same action, gets the end and the reason. Returns it.
        """

    def close_window(
        self, window_id: int, now: Instant, *, reason: str = "", by: Actor = UNNAMED_ACTOR
    ) -> OpenedWindow:
        """End an opened window at `now`, unless it has ended; returns it. Raises
        UnknownWindowError.
        """

    def move_delayed(
        self, starts: Sequence[DelayedStart], opened: Sequence[OpenedWindow]
    ) -> list[str]:
        """Give runs that wait for the end of a window their new start, if the opened windows are
        still these; returns the ids of those that wait.
        """

    def pause_failing(self, task_id: str, most: int, now: Instant) -> bool:
        """Pause a task if its last `most` runs failed since it was off or paused last; returns
        whether it was paused by that.
        """

    def skip(self, run: NewRun, *, reason: str = "", by: Actor = UNNAMED_ACTOR) -> None:
        """Write the row of a future occurrence as SKIPPED, so that no node starts it; raises
        UnknownTaskError, and StateError if the occurrence has its row.
        """

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
        """Apply `edits` on top of what the code says, and undo the edits of the keys in `reset`.

        If the times changed, anchor and `planned_until` move to `now`. Without an edit, the anchor
        is what it was before the first one.
        """

    def remove(
        self, task_id: str, now: Instant, *, reason: str = "", by: Actor = UNNAMED_ACTOR
    ) -> None:
        """Mark a task removed and cancel its waiting runs; its history stays."""

    def seen(self, task_ids: Collection[str], now: Instant) -> None:
        """Note that a node knows these tasks, if that was last noted a day ago or more; this does
        not count as a change of theirs.
        """

    def forget(self, unseen_since: Instant, now: Instant) -> list[str]:
        """Delete the tasks that no node has known since, and end as MISSED what waits of them;
        returns their ids. Their history stays until it is pruned."""
