"""The windows that the configuration plans, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from rota.core.ports.windows import WindowAction
from rota.core.time import SECOND, Instant
from rota.errors import ConfigError, TriggerError
from rota.triggers import FOREVER, parse
from rota.triggers.calendars.windows import MaintenanceWindow
from rota.triggers.zones import read_moment, read_zone


class WindowDefinition(Protocol):
    """What the configuration says of a window; its section is one such object."""

    @property
    def since(self) -> str | None:
        """Return its key `since`."""

    @property
    def until(self) -> str | None:
        """Return its key `until`."""

    @property
    def crontab(self) -> str | None:
        """Return its key `crontab`."""

    @property
    def duration(self) -> float | None:
        """Return its key `duration`."""

    @property
    def timezone(self) -> str | None:
        """Return its key `timezone`."""

    @property
    def all(self) -> bool:
        """Return its key `all`."""

    @property
    def tags(self) -> Sequence[str]:
        """Return its key `tags`."""

    @property
    def tasks(self) -> Sequence[str]:
        """Return its key `tasks`."""

    @property
    def action(self) -> str:
        """Return its key `action`."""

    @property
    def reason(self) -> str:
        """Return its key `reason`."""


def planned_windows(
    given: Mapping[str, WindowDefinition], timezone: str
) -> tuple[MaintenanceWindow, ...]:
    """Return the windows of a configuration, whose zone is `timezone` if they name none; raises
    ConfigError."""
    return tuple(_read(name, one, one.timezone or timezone) for name, one in given.items())


def _read(name: str, given: WindowDefinition, timezone: str) -> MaintenanceWindow:
    _check(name, given)
    begins, span, length = None, (0, 0), 0
    try:
        if given.crontab is not None:
            begins = parse("cron", {"crontab": given.crontab}, timezone=timezone)
            length = round((given.duration or 0) * SECOND)
        else:
            span = _span(given, timezone)
    except TriggerError as error:
        where = f"windows.{name}.{error.field}"
        raise ConfigError(error.what, where=where, remedy=error.remedy) from None
    if begins is None and span[0] >= span[1]:
        raise ConfigError("it ends before it begins.", where=f"windows.{name}.until")
    return MaintenanceWindow(
        name=name,
        action=WindowAction(given.action),
        span=span,
        begins=begins,
        length=length,
        everyone=given.all,
        tags=frozenset(given.tags),
        tasks=frozenset(given.tasks),
        reason=given.reason,
    )


def _span(given: WindowDefinition, timezone: str) -> tuple[Instant, Instant]:
    zone = read_zone(timezone)
    since = -FOREVER if given.since is None else read_moment("since", given.since, zone)
    until = FOREVER if given.until is None else read_moment("until", given.until, zone)
    return since, until


def _check(name: str, given: WindowDefinition) -> None:
    where = f"windows.{name}"
    if not (given.all or given.tags or given.tasks):
        remedy = "Write all: true, or a list of tags or tasks."
        raise ConfigError("it is about no task.", where=where, remedy=remedy)
    recurs = given.crontab is not None
    if recurs and (given.since is not None or given.until is not None):
        remedy = "Write either crontab and duration, or since and until."
        raise ConfigError("it has a crontab and a since or until.", where=where, remedy=remedy)
    if recurs and given.duration is None:
        remedy = "Write how many seconds it lasts from each time of the crontab."
        raise ConfigError("is missing.", where=f"{where}.duration", remedy=remedy)
    if not recurs and given.duration is not None:
        raise ConfigError(
            "there is no crontab.", where=f"{where}.duration", remedy="Write until in its place."
        )
    if not recurs and given.since is None and given.until is None:
        remedy = "Write since and until, or crontab and duration."
        raise ConfigError("it has no time.", where=where, remedy=remedy)
    if given.action == WindowAction.DELAY and not recurs and given.until is None:
        remedy = "A window that delays needs an end."
        raise ConfigError("is missing.", where=f"{where}.until", remedy=remedy)
