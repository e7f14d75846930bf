"""The verbs that open maintenance windows, close them and list them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import isfinite

from rota.core.ports.windows import OpenedWindow, WindowAction
from rota.core.time import Instant, seconds, to_datetime
from rota.errors import DefinitionError, nearest
from rota.manager.pauses import PauseVerbs
from rota.manager.window_views import WindowView, opened_view, planned_views
from rota.task_api.actor import actor

LONGEST = 10 * 365 * 86_400
"""Seconds."""


class WindowVerbs(PauseVerbs):
    """Opens and closes maintenance windows."""

    def open_window(
        self,
        *,
        all: bool = False,
        tags: Sequence[str] = (),
        tasks: Sequence[str] = (),
        duration: float | None = None,
        until: datetime | None = None,
        action: str = "skip",
        reason: str = "",
    ) -> WindowView:
        """Open a maintenance window now, on every node, across restarts: what falls into it is
        skipped, delayed to its end, or with `action="allow"` runs whatever other windows say. It is
        about all tasks, or those with one of `tags` or in `tasks`, also ones that are added later.

        It ends after `duration` seconds, at `until` (without a zone: that of `manager.timezone`),
        or when it is closed. A repeated call with the same tasks and action changes the end and the
        reason of the window that is open. Raises DefinitionError for what cannot be, such as a
        window that delays without an end or a tag that no task has, and UnknownTaskError.
        """
        now, by = self._now(), actor()
        wanted = OpenedWindow(
            id=0,
            since=now,
            until=self._window_end(now, duration, until),
            action=_action(action),
            everyone=bool(all),
            tags=_names("tags", tags),
            tasks=_names("tasks", tasks),
            reason=reason,
        )
        _check_scope(wanted)
        if wanted.until is None and wanted.action is WindowAction.DELAY:
            raise DefinitionError(
                "a window that delays needs an end.",
                where="until",
                remedy="Give `duration` in seconds, or `until`.",
            )
        if not wanted.everyone:
            self._settle()
            self._check_known(wanted)
        return opened_view(self._write(lambda tx: tx.open_window(wanted, by=by)), now)

    def close_window(self, id: int, *, reason: str = "") -> WindowView:
        """Close a window that was opened, before its end: what it delayed starts now, and from now
        on all is as if it had never been. Does nothing if it is over. Raises UnknownWindowError.
        """
        by, now = actor(), self._now()
        closed = self._write(lambda tx: tx.close_window(id, now, reason=reason, by=by))
        return opened_view(closed, now)

    def list_windows(self, *, closed: bool = False) -> list[WindowView]:
        """Return the windows that were opened, and then those of the configuration; with `closed`,
        those that are over as well, until they are pruned like runs. Raises LedgerError."""
        now = self._now()
        opened = [one for one in self.history.windows() if closed or one.lasts(now)]
        planned = planned_views(self.services.engine.settings.windows, now, closed=closed)
        return [*(opened_view(one, now) for one in opened), *planned]

    def _window_end(
        self, now: Instant, duration: float | None, until: datetime | None
    ) -> Instant | None:
        if duration is not None and until is not None:
            raise DefinitionError(
                "there are two ends.", where="until", remedy="Give `duration` or `until`."
            )
        if duration is not None:
            if not isfinite(duration) or not 0 < duration <= LONGEST:
                raise DefinitionError(
                    f"{duration!r} is no length.",
                    where="duration",
                    remedy=f"Give seconds, more than 0 and at most {LONGEST}.",
                )
            return now + seconds(duration)
        end = None if until is None else self.instant_of("until", until)
        if end is not None and end <= now:
            raise DefinitionError(
                f"{to_datetime(end).isoformat()} is past.",
                where="until",
                remedy="Name a time to come; `close` ends a window.",
            )
        return end

    def _check_known(self, wanted: OpenedWindow) -> None:
        living = [one for one in self.history.tasks() if one.removed_at is None]
        ids = {one.record.id for one in living}
        for task_id in wanted.tasks:
            if task_id not in ids:
                raise self._unknown(task_id)
        known = {tag for one in living for tag in one.tags}
        for tag in wanted.tags:
            if tag not in known:
                raise DefinitionError(
                    f"no task has the tag {tag!r}.",
                    where="tags",
                    remedy=nearest(tag, sorted(known)) or "Give a task the option tags=[…] first.",
                )


def _names(where: str, given: Sequence[str]) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given)
    for one in names:
        if not isinstance(one, str) or not one:
            raise DefinitionError(
                f"{one!r} is no name.", where=where, remedy=f"Give {where} as a list of texts."
            )
    return tuple(sorted(set(names)))


def _action(given: str) -> WindowAction:
    try:
        return WindowAction(given)
    except ValueError:
        known = [one.value for one in WindowAction]
        raise DefinitionError(
            f"{given!r} is no action.",
            where="action",
            remedy=nearest(str(given), known) or f"Give one of {', '.join(known)}.",
        ) from None


def _check_scope(wanted: OpenedWindow) -> None:
    if wanted.everyone == bool(wanted.tags or wanted.tasks):
        raise DefinitionError(
            "name tasks, tags, or all tasks.",
            where="all",
            remedy="Give tags=[…], tasks=[…] or both, or all=True alone.",
        )
