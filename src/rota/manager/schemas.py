"""The JSON of the REST interface: tasks as requests send them and as answers show them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model, field_serializer, model_validator

from rota.core.secrets import redact_text, redact_value
from rota.definitions.options import OPTIONS
from rota.triggers.kinds import KINDS

Id = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
if TYPE_CHECKING:
    TriggerName = str
else:
    TriggerName = Literal[tuple(KINDS)]
Seconds = Annotated[float, Field(gt=0, le=1_000_000_000, allow_inf_nan=False)]


MOST_KEYS = 100
"""Keys of a request's body: beyond, not each one is named that is not known."""


class Body(BaseModel):
    """What a request may send: the keys it names, and no others."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_few_keys(cls, given: Any) -> Any:
        if isinstance(given, dict) and len(given) > MOST_KEYS:
            raise ValueError(f"it has {len(given):,} keys")
        return given

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_given(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {key: value for key, value in given.items() if value is not None}


class TaskCreate(Body):
    """A task to add; its function is one that the application registered or a task file's."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name = Field(description="What people read.")
    func_path: Annotated[str, Field(min_length=1, max_length=500)] = Field(
        description="The function, as the list of tasks writes it: module:function."
    )
    trigger: TriggerName = Field("job", description="The rule of its times; a job has none.")
    trigger_args: dict[str, Any] = Field(
        default_factory=dict, description="The trigger's arguments, like {'hour': 9}."
    )
    max_retries: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        3, description="Tries after the first one."
    )
    id: Id | None = Field(None, description="Unique id; without one it is made from the name.")
    timeout: Seconds | None = Field(
        None, description="Seconds that one attempt may take; null: manager.task_timeout."
    )
    enabled: bool = Field(True, description="Whether its trigger fires it.")


if not TYPE_CHECKING:
    TaskCreate = create_model(
        "TaskCreate",
        __base__=TaskCreate,
        __module__=__name__,
        __doc__=TaskCreate.__doc__,
        **{
            name: (
                Any,
                Field(None, description=f"{option.meaning[:1].upper()}{option.meaning[1:]}."),
            )
            for name, option in OPTIONS.items()
            if name not in TaskCreate.model_fields
        },
    )
"""With the options of `OPTIONS` that are not among its fields; `define` checks them."""


class TaskUpdate(Body):
    """What to change of a task; what is left out stays as it is, null takes an edit back."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name | None = Field(None, description="What people read; null: as the code says.")
    enabled: bool | None = Field(
        None, description="Whether its trigger fires it; null: as the code says."
    )
    trigger_args: dict[str, Any] | None = Field(
        None,
        description="The trigger's arguments, all of them: they replace the old ones;"
        " null: as the code says.",
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_given(cls, given: Any) -> Any:
        return given  # here it takes an edit back


class EditRead(BaseModel):
    """An option that was changed from outside the code."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    value: Any = Field(description="What was edited.")
    code: Any = Field(description="What the code says in its place.")
    mistake: str = Field("", description="Why it is not applied, if it is not.")
    was: Any = Field(None, description="What the code said when it was edited, if it has moved.")
    has_moved: bool = Field(False, description="Whether the code says something else since.")
    at: datetime | None = Field(None, description="When it was edited; null: not known.")
    by: str = Field("", description="By whom.")
    reason: str = ""

    @field_serializer("value", "code", "was")
    def _without_secrets(self, value: Any) -> Any:
        return redact_value(self.key, value)

    @field_serializer("mistake", "by", "reason")
    def _said(self, value: str) -> str:
        return redact_text(value)


class PauseRead(BaseModel):
    """A pause that holds a task, or the tasks with a tag, or all."""

    model_config = ConfigDict(from_attributes=True)

    held: str = Field(description='What it holds: "task", "all", or "tag:" and the tag.')
    since: datetime
    until: datetime | None = Field(None, description="null: until it is resumed.")
    reason: str = ""
    by: str = Field("", description="Who asked for it.")

    @field_serializer("reason", "by")
    def _said(self, value: str) -> str:
        return redact_text(value)


class TaskRead(BaseModel):
    """The current state of a task; made from a `Task` with `TaskRead.model_validate(task)`."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    status: str
    last_run: datetime | None = Field(None, description="When its last run began.")
    next_run: datetime | None = Field(None, description="When its trigger fires next.")
    func_path: str | None = None
    trigger: str | None = None
    trigger_args: dict[str, Any] | None = None
    enabled: bool | None = None
    max_retries: int | None = None
    timeout: float | None = Field(None, description="Seconds that one attempt may take.")
    paused: bool | None = None
    paused_until: datetime | None = Field(None, description="null while paused: until resumed.")
    pause_reason: str | None = None
    pauses: list[PauseRead] | None = Field(
        None, description="What holds it: it is paused while any of these lasts."
    )
    tags: list[str] | None = None
    last_state: str | None = Field(None, description="The state of its last run.")
    timezone: str | None = None
    description: str | None = None
    file: str | None = Field(None, description="The task file that defines it.")
    line: int | None = Field(None, description="Where in it.")

    edits: list[EditRead] | None = Field(
        None, description="What holds in place of what the code says."
    )
    mistake: str | None = Field(
        None, description="Why it is broken: an edit does not fit the code; empty: it is not."
    )

    @field_serializer("trigger_args")
    def _without_secrets(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return value and redact_value("", value)

    @field_serializer("name")
    def _named(self, value: str) -> str:
        return redact_text(value)

    @field_serializer("description", "pause_reason", "mistake")
    def _said(self, value: str | None) -> str | None:
        return value and redact_text(value)
