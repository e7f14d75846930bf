"""`Xcorecfg`: the whole configuration as one object."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from rota.config.application import DatabaseSection, RedisSection
from rota.config.calendars import CalendarSection, WindowSection
from rota.config.inherited import environment
from rota.config.sections import (
    Checked,
    ClusterSection,
    LoggersSection,
    LogLevel,
    ManagerSection,
    Name,
)
from rota.errors import nearest

DEFAULT_FILE = "config.json"


class Xcorecfg(Checked):
    """The configuration: known sections as typed attributes, and the application's own keys.

    Environment variables (`XCORE_` + path, `__` between levels) override the file.
    """

    model_config = ConfigDict(extra="allow")

    app_name: Name = Field("rota", description="Name of the application on the pages.")
    debug: bool = Field(False, description="Whether everything is logged, down to DEBUG.")
    log_level: LogLevel = Field("INFO", description="Least severity that is logged.")
    manager: ManagerSection = Field(
        default_factory=ManagerSection, description="The scheduler and its defaults for tasks."
    )
    cluster: ClusterSection = Field(
        default_factory=ClusterSection, description="Several machines, and what connects them."
    )
    database: DatabaseSection = Field(
        default_factory=DatabaseSection, description="The application's own database."
    )
    redis: RedisSection = Field(
        default_factory=RedisSection, description="The Redis server of the cache."
    )
    loggers: LoggersSection = Field(
        default_factory=LoggersSection, description="The log: its level and its files."
    )

    calendars: dict[Name, CalendarSection] = Field(
        default_factory=dict, description="The calendars that tasks name: their business days."
    )

    windows: dict[Name, WindowSection] = Field(
        default_factory=dict, description="Planned maintenance: when tasks are not to start."
    )

    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _give_calendars(self) -> Self:
        """Give the calendars to the section whose values tasks are defined with."""
        self.manager._calendars = self.calendars
        return self

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return an application's own key; raises AttributeError with the nearest known key."""
            try:
                return super().__getattr__(name)
            except AttributeError:
                if name.startswith("_"):
                    raise
                known = [*type(self).model_fields, *(self.model_extra or ())]
                raise AttributeError(
                    f"the configuration has no key {name!r}. {nearest(name, known)}",
                    name=name,
                    obj=self,
                ) from None

    else:

        def __getattr__(self, name: str) -> Any: ...

    @classmethod
    def from_file(
        cls, path: str | Path = DEFAULT_FILE, *, environ: Mapping[str, str] | None = None
    ) -> Self:
        """Read a JSON file, then the environment; raises ConfigError, or Mistakes for several."""
        from rota.config.reading import assembled, read

        return assembled(cls, read(path), environment() if environ is None else environ)

    @classmethod
    def from_env(cls, *, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment over the defaults, without a file; raises as `from_file` does."""
        from rota.config.reading import Document, assembled

        return assembled(cls, Document(""), environment() if environ is None else environ)

    @classmethod
    def load(
        cls, path: str | Path | None = None, *, environ: Mapping[str, str] | None = None
    ) -> Self:
        """Read `path`; if None, `config.json` if it exists, otherwise only the environment."""
        if path is None and not Path(DEFAULT_FILE).exists():
            return cls.from_env(environ=environ)
        return cls.from_file(DEFAULT_FILE if path is None else path, environ=environ)

    def to_file(self, path: str | Path) -> None:
        """Write the effective values to `path`, all or nothing; raises ConfigError.

        Values that were set (by file, environment or program) or differ from their default are
        written, including secrets and the application's own keys. Plain defaults are left out.
        """
        from rota.config.writing import write

        write(self, path)

    def sources(self) -> dict[str, str]:
        """Return where the value of each key ("manager.max_tasks") comes from.

        The origin is "default", "file <path>", "environment <variable>", or "program" if code
        set the value.
        """
        from rota.config.reading import leaves

        given = leaves(self.model_dump(exclude_unset=True))
        every = leaves(self.model_dump())
        return {
            key: self._sources.get(key, "program" if key in given else "default")
            for key in every
            if key != "$schema"
        }

    def logging_options(self) -> dict[str, Any]:
        """Return this configuration as the arguments of `rota.logs.setup_logging`."""
        loggers = self.loggers
        return {
            "log_level": "DEBUG" if self.debug else loggers.log_level or self.log_level,
            "log_file": loggers.log_file if loggers.enable_file else None,
            "max_bytes": loggers.max_bytes,
            "backup_count": loggers.backup_count,
            "colors": None if loggers.enable_colors else False,
        }
