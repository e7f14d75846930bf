"""Runs as the REST interface gives them; tasks are in `rota.schemas`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from rota.core.instants import Instant, to_datetime
from rota.core.run import Attempt, Cause, LogLine, Run, State, Step


def _sendable(value: Any) -> Any:
    """Return a JSON value; raises ValueError for what a ledger could not keep as it is."""
    match value:
        case str():
            if "\0" in value or (not value.isascii() and _is_broken(value)):
                raise ValueError("a text holds a NUL character or half a surrogate pair")
        case float():
            if value != value or value in (float("inf"), float("-inf")):
                raise ValueError("JSON has no NaN and no infinity")
        case dict():
            for name, inner in value.items():
                _sendable(name)
                _sendable(inner)
        case list():
            for inner in value:
                _sendable(inner)
    return value


def _is_broken(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside of the years 1 to 9999 in UTC") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Text = Annotated[str, Field(max_length=1000), AfterValidator(_sendable)]


class RunRequest(BaseModel):
    """How to start a run by hand."""

    model_config = ConfigDict(extra="forbid")

    arguments: Annotated[dict[str, Any], AfterValidator(_sendable)] | None = Field(
        None, description="Passed to the function by keyword."
    )


class PauseRequest(BaseModel):
    """How long to pause a task, and why."""

    model_config = ConfigDict(extra="forbid")

    until: Moment | None = Field(None, description="null: until it is resumed.")
    reason: Text = Field("", description="Shown wherever the task is.")


class CancelRequest(BaseModel):
    """Why to cancel a run."""

    model_config = ConfigDict(extra="forbid")

    reason: Text = Field("cancelled over the API", description="Kept with the run.")


class RunRead(BaseModel):
    """A run as lists show it."""

    id: str
    task_id: str
    fire_time: datetime | None = Field(description="null for a manual start.")
    cause: Cause
    state: State
    attempt: int = Field(description="Attempts begun so far.")
    node: str | None = Field(description="That runs it, or ran it last.")
    started_at: datetime | None
    finished_at: datetime | None
    reason: str = Field(description="Why it is in this state, in words.")

    @classmethod
    def of(cls, run: Run) -> Self:
        """Show a run."""
        return cls(**_fields(cls, run))


class AttemptRead(BaseModel):
    """One ended try of a run."""

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
        """Show an attempt."""
        return cls(**_fields(cls, attempt))


class StepRead(BaseModel):
    """A step of a run that is done, and not repeated by a later attempt."""

    key: str
    value: Any
    at: datetime

    @classmethod
    def of(cls, step: Step) -> Self:
        """Show a step."""
        return cls(**_fields(cls, step))


class RunDetail(RunRead):
    """A run with everything that is known of it."""

    failures: int
    crashes: int
    count: int = Field(description="Occurrences that this row stands for.")
    available_at: datetime = Field(description="It does not start before.")
    created_at: datetime
    cancel_requested: str | None
    arguments: dict[str, Any] | None
    result: Any
    progress: dict[str, Any] | None
    peak_memory: int | None = Field(description="Bytes, of the last attempt.")
    attempts: list[AttemptRead] = Field(default_factory=list)
    steps: list[StepRead] = Field(default_factory=list)

    @classmethod
    def whole(cls, run: Run, attempts: list[Attempt], steps: list[Step]) -> Self:
        """Show a run with its ended attempts and the steps that are done."""
        shown = {
            "attempts": [AttemptRead.of(attempt) for attempt in attempts],
            "steps": [StepRead.of(step) for step in steps],
        }
        return cls(**{**_fields(cls, run), **shown})


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
        """Show a line."""
        return cls(**_fields(cls, line))


_TIMES = frozenset({"at", "available_at", "created_at", "fire_time", "finished_at", "started_at"})


def _fields(model: type[BaseModel], record: Any) -> dict[str, Any]:
    values = {name: getattr(record, name, None) for name in model.model_fields}
    return {name: _moment(value) if name in _TIMES else value for name, value in values.items()}


def _moment(instant: Instant | None) -> datetime | None:
    return None if instant is None else to_datetime(instant)
