"""The verbs that pause tasks and resume them."""

from __future__ import annotations

from datetime import datetime

from rota.core.task import PauseView
from rota.core.time import to_datetime
from rota.engine.planning.task_registry import records
from rota.errors import DefinitionError
from rota.manager.base import ManagerBase
from rota.manager.task_views import pause_view
from rota.task_api.actor import actor


class PauseVerbs(ManagerBase):
    """Pauses and resumes tasks: one, those with a tag, or all."""

    def pause_task(
        self,
        id: str | None = None,
        *,
        tag: str | None = None,
        all: bool = False,
        until: datetime | None = None,
        reason: str = "",
    ) -> None:
        """Plan no occurrences of a task, of the tasks with a tag, or of all tasks, until they are
        resumed or `until` has come, on any node, across restarts. A pause by tag, or of all, holds
        tasks that are added later as well. Manual runs are possible. A repeated call changes the
        end and the reason.

        A task is paused while any pause holds it. Raises UnknownTaskError, and DefinitionError for
        an `until` that has passed, a tag that no task has, and anything but one of `id`, `tag` and
        `all`. An `until` without a zone is read in the task's, or in `manager.timezone`.
        """
        _check_one_of(id, tag, all)
        if id is not None:
            self._require(id)
        end = None if until is None else self.instant_of("until", until, id)
        by, now = actor(), self._now()
        if end is not None and end <= now:
            raise DefinitionError(
                f"{to_datetime(end).isoformat()} is past.",
                where="until",
                remedy="Name a time to come; `resume` ends a pause.",
            )
        if id is None:
            self._settle()
            self._write(lambda tx: tx.pause_group(tag, now, end, reason, by=by))
        else:
            self._write(lambda tx: tx.pause(id, now, end, reason, by=by))

    def resume_task(
        self,
        id: str | None = None,
        *,
        tag: str | None = None,
        all: bool = False,
        catch_up: bool = False,
        reason: str = "",
    ) -> None:
        """End the pause of a task, of a tag, or of all tasks. What no other pause holds is planned
        from now on; with `catch_up`, what fell into the pause is treated as in a downtime: see the
        options `catchup`, `catchup_window` and `catchup_limit`.

        Does nothing if there is no such pause. Raises UnknownTaskError, and DefinitionError for
        anything but one of `id`, `tag` and `all`.
        """
        _check_one_of(id, tag, all)
        by, now = actor(), self._now()
        if id is None:
            self._write(
                lambda tx: tx.resume_group(tag, now, catch_up=catch_up, reason=reason, by=by)
            )
        else:
            self._require(id)
            self._write(lambda tx: tx.resume(id, now, catch_up=catch_up, reason=reason, by=by))

    def list_pauses(self) -> list[PauseView]:
        """Return the pauses by tag, and of all tasks, that last; raises LedgerError."""
        return [pause_view(one) for one in self.history.pauses(self._now())]

    def list_tags(self) -> dict[str, int]:
        """Return how many tasks have each tag, by tag; raises LedgerError."""
        counts: dict[str, int] = {}
        for task in self._synced_history().tasks():
            if task.removed_at is None:
                for tag in task.tags:
                    counts[tag] = counts.get(tag, 0) + 1
        return dict(sorted(counts.items()))

    def _settle(self) -> None:
        """Write the tasks of this process that are not in the ledger yet."""
        engine = self.services.engine
        if engine.is_running:
            engine.settle_registrations()
            return
        rows, now = records(engine.registry.entries()), self._now()
        if rows:
            self._write(lambda tx: tx.register(rows, now))


def _check_one_of(id: str | None, tag: str | None, all: bool) -> None:
    if (id is not None) + (tag is not None) + bool(all) != 1:
        raise DefinitionError(
            "name a task, a tag, or all tasks.",
            where="id",
            remedy="Give exactly one of id, tag='…' and all=True.",
        )
