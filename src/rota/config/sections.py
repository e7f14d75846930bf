"""The sections of `config.json`: every key with its type, range, default and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    ValidationError,
    WithJsonSchema,
)

from rota.config.foreign_keys import instead_of
from rota.core.limits import GroupLimit, rate_of
from rota.core.secrets import redact_value
from rota.core.task import Catchup, OnCrash, Overlap
from rota.errors import ConfigError, nearest

_LEDGERS = ("memory", "postgresql", "sqlite")


def _whole(value: float) -> Any:
    """Return whole seconds as an int, so that JSON shows no decimal point."""
    return int(value) if float(value).is_integer() else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def time_zone(name: str) -> str:
    try:
        if name == "localtime":  # in some tz databases: the zone of the machine
            raise ValueError
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        from zoneinfo import available_timezones

        hint = nearest(name, sorted(available_timezones())) if name else ""
        hint = hint if hint.startswith("Did") else "Use a name like 'Europe/Berlin'."
        raise ValueError(f"is not a name of the tz database. {hint}") from None
    return name


def checked_url(value: str) -> str:
    scheme, mark, _ = value.partition("://")
    if not mark or not scheme:
        raise ValueError("is not a URL. Write it like 'sqlite:///app.db'")
    return value


def _ledger_url(value: str) -> str:
    scheme = checked_url(value).partition("://")[0].partition("+")[0]
    if scheme not in _LEDGERS:
        raise ValueError(f"names no ledger that rota has. {nearest(scheme, _LEDGERS)}")
    return value


def _rate(value: str) -> str:
    try:
        rate_of(value)
    except ValueError:
        raise ValueError("is not a rate. Write how many starts in a time, like '10/m'") from None
    return value


def no_such_key(model: type[BaseModel], name: str) -> tuple[str, str]:
    """Return why a section has no key of this name, and what to write instead."""
    if model is ManagerSection and name in _NOT_BUILT:
        return _NOT_BUILT[name], "Leave it out; a task can send its own messages."
    if model is ManagerSection and (remedy := instead_of(name)):
        return "no such key.", remedy
    return "no such key.", nearest(name, list(model.model_fields))


_NOT_BUILT = dict.fromkeys(
    ("notify", "notify_private"), "alerts are not built yet: nothing would be sent."
)
_SPAN = 1_000_000_000  # thirty years in seconds; less than the platform's timers can wait
# Without `return_type`, pydantic 2.10 looks for `Any` in the module that names the type.
_WHOLE = PlainSerializer(_whole, return_type=Any, when_used="json")
Seconds = Annotated[float, Field(gt=0, le=_SPAN, allow_inf_nan=False), _WHOLE]
SecondsOrZero = Annotated[float, Field(ge=0, le=_SPAN, allow_inf_nan=False), _WHOLE]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
CountOrZero = Annotated[int, Field(ge=0, le=1_000_000)]
Bytes = Annotated[int, Field(ge=0, le=2**40)]
Port = Annotated[int, Field(ge=0, le=65535)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
]


def _directories(value: object) -> object:
    given = value if isinstance(value, list) else [value]
    if not 1 <= len(given) <= 100 or not all(
        isinstance(one, str) and 1 <= len(one) <= 200 for one in given
    ):
        raise ValueError("must be the name of a directory, or a list of such names")
    return value


_DIRECTORY = {"type": "string", "minLength": 1, "maxLength": 200}
Directories = Annotated[
    str | list[str],
    PlainValidator(_directories),
    WithJsonSchema(
        {
            "anyOf": [
                _DIRECTORY,
                {"type": "array", "items": _DIRECTORY, "minItems": 1, "maxItems": 100},
            ]
        }
    ),
]


class Checked(BaseModel):
    """A model with strict types, checked assignments and redacted secrets."""

    model_config = ConfigDict(strict=True, extra="forbid", validate_assignment=True)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a key; raises ConfigError (Mistakes for several) for an invalid value."""
        fields = type(self).model_fields
        if name not in fields and not name.startswith("_") and self.model_extra is None:
            what, remedy = no_such_key(type(self), name)
            raise ConfigError(what, where=name, remedy=remedy)
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            from rota.config.mistakes import explained

            raise explained(error, type(self), lambda path: ".".join(path)) from None

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [(name, redact_value(name or "", value)) for name, value in super().__repr_args__()]


if TYPE_CHECKING:
    OverlapName = str
    CatchupName = str
    OnCrashName = str
else:
    OverlapName, CatchupName, OnCrashName = (
        Literal[tuple(word.value for word in words)] for words in (Overlap, Catchup, OnCrash)
    )


class ManagerSection(Checked):
    """The scheduler: the directories of tasks, its limits, and the defaults of task options."""

    tasks_directory: Directories = Field(
        "backgroundtask", description="Directory of the task files, or a list of several."
    )
    tasks_modules: Annotated[list[Name], Field(max_length=1000)] = Field(
        default_factory=list,
        description="Modules that define tasks and are not task files, like 'orders.tasks'.",
    )
    auto_discover: bool = Field(
        True, description="Whether `rota up` loads every task file in tasks_directory by itself."
    )
    check_file_owners: bool = Field(
        True,
        description="Whether a task file is rejected if any user may change it, if it belongs to"
        " neither this user nor root, or if it is in such a directory; false: for containers whose"
        " volumes have other owners.",
    )
    max_tasks: Count | None = Field(
        None,
        description="Most tasks that may be registered, while they can still fire; null: no limit.",
    )
    task_timeout: Seconds = Field(
        300, description="Seconds that one attempt may take, if its task sets no timeout."
    )
    auto_restart_tasks: bool = Field(
        True, description="Whether a run cut off by a crash or restart runs again (else: lost)."
    )
    max_task_retries: CountOrZero = Field(
        3, description="Retries after the first attempt, if a task sets none."
    )
    scheduler_thread_pool: Count = Field(
        10, description="Threads for plain (not async) functions: how many run at once."
    )
    async_slots: Count = Field(1000, description="How many coroutines may run at once.")
    process_pool: Count = Field(
        2, description="Worker processes for tasks with executor 'process'."
    )
    executor: Literal["auto", "async", "thread", "process"] = Field(
        "auto",
        description="Where a task runs; auto: coroutines on the task loop, functions in threads.",
    )
    task_loop: Literal["own", "application"] = Field(
        "own", description="The event loop for coroutines: rota's own, or the application's."
    )
    overlap: OverlapName = Field(
        "skip", description="What happens to an occurrence while its task still runs."
    )
    queue_limit: Count = Field(
        1,
        description="With overlap 'queue': the most occurrences of a task that wait; set for a"
        " task, it also counts those that wait for its limits.",
    )
    catchup: CatchupName = Field(
        "latest", description="Which occurrences that were missed during a downtime still run."
    )
    catchup_window: SecondsOrZero = Field(
        86400, description="Seconds back from now; older missed occurrences are only counted."
    )
    catchup_limit: Count = Field(
        100, description="With catchup 'all': the most missed occurrences of a task that still run."
    )
    start_deadline: Seconds | None = Field(
        None, description="Seconds after its time until which a run may start (else: missed)."
    )
    on_crash: OnCrashName | None = Field(
        None, description="What happens to a run whose worker died; null: see auto_restart_tasks."
    )
    max_crashes: Count = Field(
        3, description="Crashes in a row after which a run is quarantined and its task paused."
    )
    retry_delay: SecondsOrZero = Field(1.0, description="Seconds before the first retry.")
    retry_backoff: float = Field(
        2.0, ge=1, le=100, allow_inf_nan=False, description="Factor of the delay per further retry."
    )
    retry_max_delay: SecondsOrZero = Field(3600.0, description="The most seconds before a retry.")
    dst: Literal["adjust", "skip", "both"] = Field(
        "adjust", description="What happens to a fixed local time on days of a clock change."
    )
    timezone: Annotated[str, AfterValidator(time_zone)] = Field(
        "UTC",
        description="Time zone (tz database name) of triggers without one, and of times without a"
        " zone that belong to no task.",
    )
    ledger_url: Annotated[str, AfterValidator(_ledger_url)] = Field(
        "sqlite:///rota.db",
        description="Where runs are recorded: sqlite:///file, postgresql://host/database,"
        " or memory:// for trying things out.",
    )
    node: Name | None = Field(
        None, description="This process's name in the ledger; null: host name and process id."
    )
    lease_seconds: Seconds = Field(
        10,
        description="Seconds without a heartbeat after which other nodes take over a node's runs.",
    )
    shutdown_grace: SecondsOrZero = Field(
        30, description="Seconds that running attempts get at shutdown to end by themselves."
    )
    retention_days: Annotated[int, Field(ge=1, le=36500)] = Field(
        30,
        description="Days for which the ledger keeps ended runs, and tasks that no code defines.",
    )
    run_log_limit: Bytes = Field(
        1_048_576, description="Bytes of log kept per attempt, from its beginning."
    )
    gc_freeze: bool = Field(
        False,
        description="Also in your own process, exclude the objects that exist once the task manager"
        " has started from garbage collection (`gc.freeze`), as `rota up` does: it saves pauses.",
    )
    host: Name = Field("127.0.0.1", description="Address on which the pages and the API listen.")
    hosts: list[Name] = Field(
        default_factory=list,
        description="Host names that they accept besides localhost and `host`: those of a proxy.",
    )
    access: Literal["local", "token"] = Field(
        "local",
        description='Who has access before the first token exists: this machine ("local"), or no'
        ' one ("token").',
    )
    port: Port = Field(8470, description="Port on which they listen; 0: any free one.")
    web_connections: Annotated[int, Field(ge=16, le=100_000)] = Field(
        256,
        description="The most connections to the pages and the API at once; one address may hold"
        " half of them. Descriptors for the ledger stay reserved.",
    )
    api_creates_tasks: bool = Field(
        False,
        description="Whether POST /manager/tasks may add tasks; they can only run functions that"
        " are registered or defined in task files.",
    )
    runs_by_hand: Annotated[int, Field(ge=1)] | None = Field(
        120,
        description="The most manual runs of a task per minute that the pages and the API of a"
        " process start; null: no limit.",
    )

    _calendars: Mapping[str, BaseModel] = PrivateAttr(default_factory=dict)

    @property
    def calendars(self) -> dict[str, dict[str, Any]]:
        """The definitions of the calendars in the configuration, by name."""
        return {name: one.model_dump() for name, one in self._calendars.items()}

    @property
    def names(self) -> list[str]:
        """The host names that the pages and the API accept besides localhost."""
        return [self.host, *self.hosts]

    @property
    def tasks_directories(self) -> list[str]:
        """The directories of the task files."""
        named = self.tasks_directory
        return [named] if isinstance(named, str) else named

    @property
    def crash_policy(self) -> str:
        """The policy for a run whose worker died, if its task sets none."""
        return self.on_crash or ("restart" if self.auto_restart_tasks else "lose")


class LoggersSection(Checked):
    """The destinations and the format of log lines."""

    log_level: LogLevel | None = Field(
        None, description="Least severity that is logged; null: the top-level log_level."
    )
    log_file: Name | None = Field(None, description="Log file; null: console only.")
    enable_file: bool = Field(True, description="Whether log_file is written, if it is set.")
    max_bytes: Bytes = Field(
        10_485_760, description="Bytes after which the log file is rotated; 0: never."
    )
    backup_count: CountOrZero = Field(5, description="Rotated log files that are kept.")
    enable_colors: bool = Field(True, description="Whether lines on a terminal are coloured.")


class GroupSection(Checked):
    """The limits that all runs of a group share, over all nodes."""

    max_running: Count | None = Field(None, description="Most runs at once; null: no limit.")
    rate: Annotated[str, AfterValidator(_rate)] | None = Field(
        None, description='Most starts in a time, like "10/m" (s, m, h or d); null: no limit.'
    )


class ClusterSection(Checked):
    """Several machines: what carries runs to workers, and which runs this process executes."""

    engine: Literal["local", "pgqueuer", "celery"] = Field(
        "local",
        description="What carries runs to workers. local: each worker polls the ledger;"
        " pgqueuer: PgQueuer, in the ledger's PostgreSQL; celery: Celery, over broker_url.",
    )
    broker_url: Annotated[str, AfterValidator(checked_url)] = Field(
        "redis://localhost:6379/0",
        description="With engine 'celery': its broker, amqp://… (RabbitMQ) or redis://….",
    )
    queues: list[Name] | None = Field(
        None, description="The queues whose runs this process executes; null: all."
    )
    groups: dict[Name, GroupSection] = Field(
        default_factory=dict,
        description="The limits of each group that tasks name; a group that is not listed runs one"
        " run at a time.",
    )

    def limits(self) -> dict[str, GroupLimit]:
        """Return the limits of the groups, by name."""
        return {
            name: GroupLimit(group.max_running, group.rate) for name, group in self.groups.items()
        }
