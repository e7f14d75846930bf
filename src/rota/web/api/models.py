"""The models of the REST interface, except tasks, which are in `rota.manager.schemas`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from rota.core.audit import Change, Face, Verb
from rota.core.json_depth import DEEPEST, is_too_deep
from rota.core.ports.records import NodeRecord, OnConflict
from rota.core.reasons import ReasonCode
from rota.core.run import Attempt, Cause, LogLine, Run, State, Step
from rota.core.secrets import redact_text, redact_value
from rota.core.time import Instant, to_datetime
from rota.core.verification.findings import Finding
from rota.manager import TaskManager
from rota.manager.schemas import Body


def _sendable(value: Any) -> Any:
    """Return a JSON value; raises ValueError if a ledger cannot store it unchanged."""
    if is_too_deep(value):
        raise ValueError(f"nested more than {DEEPEST} levels deep")
    return _checked(value)


def _checked(value: Any) -> Any:
    match value:
        case str():
            if "\0" in value or (not value.isascii() and _is_broken(value)):
                raise ValueError("a text holds a NUL character or half a surrogate pair")
        case float():
            if value != value or value in (float("inf"), float("-inf")):
                raise ValueError("JSON has no NaN and no infinity")
        case dict():
            for name, inner in value.items():
                _checked(name)
                _checked(inner)
        case list():
            for inner in value:
                _checked(inner)
    return value


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _in_utc(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        return moment  # it is read later in the zone of the task
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside of the years 1 to 9999 in UTC") from None


def _written(value: object) -> object:
    """Reject a bare number, which would be read as seconds or milliseconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and _MOMENT.match(value)):
        return value
    raise ValueError("write a day, or a time, like 2026-01-31T09:00:00Z")


_MOMENT = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WITHOUT = "Without a zone: that of the task, else manager.timezone."
Moment = Annotated[
    datetime, BeforeValidator(_written), AfterValidator(_in_utc), Field(description=_WITHOUT)
]
Text = Annotated[str, Field(max_length=1000), AfterValidator(_sendable)]


class RunRequest(Body):
    """The body of a manual start."""

    arguments: Annotated[dict[str, Any], AfterValidator(_sendable)] | None = Field(
        None, description="Passed to the function by keyword."
    )
    run_at: Moment | None = Field(
        None, description=f"It does not start before; null: at once. {_WITHOUT}"
    )
    delay: (
        Annotated[float, Field(ge=0, le=1_000_000_000, allow_inf_nan=False, strict=True)] | None
    ) = Field(None, description="The same in seconds from now.")
    key: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        None,
        description="Once per task: while the run with this key has not ended, and for the task's"
        " key_ttl, the answer is that run. The header Idempotency-Key has the same effect.",
    )
    on_conflict: OnConflict | None = Field(
        None,
        description="What becomes of a call whose key is taken: `return` (null) answers with the"
        " run that has it, `replace` cancels that run if it waits, `error` is a 409.",
    )
    priority: Annotated[int, Field(ge=-1_000, le=1_000_000, strict=True)] | None = Field(
        None, description="What is higher starts first; null: the task's."
    )
    queue: Text | None = Field(None, description="Which workers run it; null: the task's.")
    max_retries: Annotated[int, Field(strict=True)] | None = Field(
        None, description="null: the task's."
    )
    timeout: Annotated[float, Field(allow_inf_nan=False, strict=True)] | None = Field(
        None, description="Seconds for each attempt; null: the task's."
    )
    tags: Annotated[list[Text], Field(max_length=100)] | None = Field(
        None, description="In place of the task's tags; null: the task's."
    )
    reason: Text = Field("", description="Why; kept in the audit, shown while the run waits.")


class PauseRequest(Body):
    """The body of a pause: until when, and why."""

    until: Moment | None = Field(None, description=f"null: until it is resumed. {_WITHOUT}")
    reason: Text = Field("", description="Shown with the task.")


class ReasonRequest(Body):
    """The reason for a change."""

    reason: Text = Field("", description="Kept in the audit.")


class ResumeRequest(ReasonRequest):
    """The body of a resumption."""

    catch_up: bool = Field(
        False, description="Whether what fell into the pause is treated as in a downtime."
    )


class SkipRequest(ReasonRequest):
    """The occurrence to skip, and why."""

    at: Moment | None = Field(
        None, description="Rejected unless this is the next one; null: the next one."
    )


class ResetRequest(ReasonRequest):
    """The edits to reset, and why."""

    keys: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=100)] = Field(
        default_factory=list, description="The edited options; empty: all of them."
    )


class CancelRequest(Body):
    """The reason for cancelling a run."""

    reason: Text = Field("cancelled over the API", description="Kept with the run.")


class RunRead(BaseModel):
    """A run in a list."""

    id: str
    task_id: str
    fire_time: datetime | None = Field(description="null for a manual start.")
    cause: Cause
    state: State
    attempt: int = Field(description="Attempts begun so far.")
    node: str | None = Field(description="The node that runs it, or ran it last.")
    started_at: datetime | None
    finished_at: datetime | None
    reason: str = Field(description="Why it is in this state.")
    reason_code: ReasonCode | None = Field(
        description="The reason as a code; null if all is as planned."
    )
    nominal_time: datetime | None = Field(
        description="What its rule names, if its calendar moved it; else null."
    )
    error_type: str | None = Field(
        description="Of a failed run: the type of the exception that ended its last attempt, as in"
        " `KeyError` or `package.module.Error`; null if none did."
    )
    replay: int | None = Field(description="Its number, if it does its occurrence again.")

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return the model of a run."""
        return cls(**_fields(cls, run))


class AttemptRead(BaseModel):
    """One ended attempt of a run."""

    number: int
    node: str
    started_at: datetime
    finished_at: datetime
    outcome: str
    error: str | None
    traceback: str | None
    peak_memory: int | None = Field(description="Bytes.")

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Return the model of an attempt."""
        return cls(**_fields(cls, attempt))


class StepRead(BaseModel):
    """A finished step of a run; later attempts do not repeat it."""

    key: str
    value: Any
    at: datetime

    @classmethod
    def of(cls, step: Step) -> Self:
        """Return the model of a step."""
        return cls(**_fields(cls, step) | {"value": redact_value(step.key, step.value)})


class ChangeRead(BaseModel):
    """An entry of the audit."""

    id: str
    at: datetime
    face: Face = Field(description="The interface of the change.")
    who: str = Field(description="The user, token or task, if known.")
    verb: Verb
    task_id: str | None
    run_id: str | None
    reason: str
    before: dict[str, Any] | None = Field(description="The changed values, before.")
    after: dict[str, Any] | None = Field(description="The changed values, after.")

    @classmethod
    def of(cls, change: Change) -> Self:
        """Return the model of a change."""
        return cls(**_fields(cls, change))


class NodeRead(BaseModel):
    """A node: a process that executes or schedules runs, or did so."""

    id: str
    name: str
    host: str
    pid: int
    version: str
    slots: int = Field(description="Runs that it can execute at once.")
    state: str = Field(description="up, draining, stopped or gone.")
    started_at: datetime
    seen_at: datetime
    lease_until: datetime
    info: dict[str, Any] = Field(description="Its last report.")

    @classmethod
    def of(cls, node: NodeRecord) -> Self:
        """Return the model of a node."""
        return cls(**_fields(cls, node))


class FindingRead(BaseModel):
    """One thing that the record has against the rules of the tasks."""

    code: str = Field(description="Its kind: hole, double, early, impossible, …")
    task_id: str
    run_id: str | None
    at: datetime | None = Field(description="The first instant concerned.")
    last: datetime | None = Field(description="The last one, of several.")
    count: int = Field(description="How many occurrences it concerns.")
    text: str
    remedy: str

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Return the model of a finding."""
        return cls(**_fields(cls, finding))


class VerificationRead(BaseModel):
    """What a verification of the record found."""

    at: datetime
    since: datetime
    complete: bool = Field(description="Whether it has seen everything since then.")
    findings: list[FindingRead]


class OccurrenceRead(BaseModel):
    """An occurrence that will be planned."""

    task_id: str
    name: str
    at: datetime
    timezone: str


class RunDetail(RunRead):
    """A run with all its details."""

    failures: int
    crashes: int
    count: int = Field(description="Occurrences that this row represents.")
    available_at: datetime = Field(description="It does not start before.")
    created_at: datetime
    priority: int = 0
    key: str | None = Field(None, description="That it was enqueued with.")
    options: dict[str, Any] | None = Field(
        None, description="Laid over its task's for this run alone."
    )
    upstream: dict[str, str] | None = Field(
        None, description="Task → run: the upstream runs whose ends named it."
    )
    cancel_requested: str | None
    arguments: dict[str, Any] | None
    result: Any
    progress: dict[str, Any] | None
    peak_memory: int | None = Field(description="Bytes, of the last attempt.")
    retry_of: str | None = Field(None, description="The id of the run that it retries.")
    attempts: list[AttemptRead] = Field(default_factory=list)
    steps: list[StepRead] = Field(default_factory=list)
    changes: list[ChangeRead] = Field(
        default_factory=list, description="Who started, cancelled or retried it, newest first."
    )

    @classmethod
    def whole(
        cls,
        run: Run,
        *,
        attempts: Iterable[Attempt],
        steps: Iterable[Step],
        changes: Iterable[Change],
    ) -> Self:
        """Return the model of a run with its ended attempts, finished steps and last changes."""
        read = list(map(ChangeRead.of, changes))
        started = [one.after for one in read if one.verb is Verb.RUN and one.after]
        return cls(
            **_fields(cls, run)
            | {
                "retry_of": started[0].get("retry_of") if started else None,
                "attempts": list(map(AttemptRead.of, attempts)),
                "steps": list(map(StepRead.of, steps)),
                "changes": read,
            }
        )


class LogRead(BaseModel):
    """One line that a run logged or printed."""

    attempt: int
    seq: int
    at: datetime
    level: str
    logger: str
    text: str

    @classmethod
    def of(cls, line: LogLine) -> Self:
        """Return the model of a line."""
        return cls(**_fields(cls, line))


_TIMES = frozenset(
    {"at", "last", "available_at", "created_at", "fire_time", "finished_at", "started_at"}
    | {"seen_at", "lease_until", "nominal_time"}
)


_NAMES = frozenset({"id", "task_id", "run_id", "node", "level"})
"""Fields used for lookups: redacting a character of them would break the lookup."""


def instant(
    manager: TaskManager, name: str, moment: datetime | None, task_id: str | None
) -> Instant | None:
    """Return a moment of a request as an Instant; raises DefinitionError."""
    return None if moment is None else manager.instant_of(name, moment, task_id)


def _fields(model: type[BaseModel], record: Any) -> dict[str, Any]:
    return {name: _field(name, getattr(record, name, None)) for name in model.model_fields}


def _field(name: str, value: Any) -> Any:
    """Return the value of a record's field for an answer."""
    if name in _TIMES:
        return _moment(value)
    if name in _NAMES or isinstance(value, StrEnum):
        return value
    return redact_text(value) if isinstance(value, str) else redact_value("", value)


def _moment(instant: Instant | None) -> datetime | None:
    return None if instant is None else to_datetime(instant)
