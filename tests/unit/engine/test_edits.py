"""Edits are laid over the code as far as they fit; one that does not hurts its task alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rota.config.sections import ManagerSection
from rota.core.ports.records import EditNote, Edits, StoredTask, TaskRecord
from rota.core.task import TaskDefinition
from rota.core.time import HOUR, SECOND, Instant
from rota.definitions.define import define
from rota.definitions.edits import in_place_of, moved
from rota.engine.planning.edits import checked_edits, checked_keys
from rota.engine.planning.task_registry import RegisteredTask, record
from rota.errors import DefinitionError, TriggerError
from rota.ledger.sql import forms, mapping

NOON: Instant = 1_770_000_000 * SECOND


def work() -> None:
    """Do nothing."""


def code(trigger: str = "cron", **options: Any) -> TaskDefinition:
    options = options or {"hour": 7}
    return define(work, trigger, "work", options, defaults=ManagerSection())


def laid(
    definition: TaskDefinition, edits: Edits, anchor: Instant = NOON, **notes: EditNote
) -> RegisteredTask:
    entry = RegisteredTask(definition, NOON)
    stored = StoredTask(
        record(definition), anchor, NOON, edits, None, None, "", NOON, None, 1, edited=notes
    )
    entry.lay_over(stored, NOON)
    return entry


@pytest.mark.parametrize(
    ("definition", "edits", "said"),
    [
        (code("cron", hour=7), {"trigger_args": {"minutes": 5}}, "cron has no argument 'minutes'"),
        (code("interval", hours=1), {"trigger_args": {"hour": 5}}, "interval has no argument"),
        (
            code("date", run_date="2030-01-01"),
            {"trigger_args": {"hour": 5}},
            "date has no argument",
        ),
        (code("cron", hour=7), {"trigger_args": {"hour": 77}}, "hour"),
        (code("cron", hour=7), {"trigger_args": {}}, "cron trigger without a field"),
        (
            code("cron", hour=7, timezone="Europe/Berlin", dst="skip"),
            {
                "trigger_args": {
                    "year": 2030,
                    "month": 3,
                    "day": 31,
                    "hour": 2,
                    "minute": 30,
                    "end_date": "2030-12-31",
                }
            },
            "can never fire",
        ),
        (code(), {"name": ""}, "is empty"),
        (code(), {"name": "x" * 300}, "300 characters"),
    ],
)
def test_an_edit_that_does_not_fit_is_not_applied(
    definition: TaskDefinition, edits: dict[str, Any], said: str
) -> None:
    entry, plain = laid(definition, Edits(**edits)), laid(definition, Edits())
    assert said in entry.mistake
    assert f"`rota reset work {next(iter(edits))}`" in entry.mistake
    assert (entry.name, entry.enabled) == (plain.name, plain.enabled)
    assert entry.trigger_args == plain.trigger_args
    assert entry.next_run(NOON) == plain.next_run(NOON)
    assert plain.mistake == "" == laid(definition, Edits(enabled=False)).mistake


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "",
        "[]",
        "7",
        "null",
        '"x"',
        '{"name": 7}',
        '{"enabled": "yes"}',
        '{"trigger_args": [1]}',
        '{"trigger_args": "hour=5"}',
        '{"frobnicate": {"a": 1}}',
        '{"timeout": 5}',
        "[" * 100_000,
    ],
)
def test_a_damaged_edit_is_kept_and_hurts_nothing(text: str) -> None:
    edits = forms.edits_of(text)
    entry = laid(code(), edits)
    assert entry.trigger_args == {"hour": 7}
    assert entry.mistake
    assert (entry.name, entry.enabled) == ("work", True)
    assert forms.edits_of(mapping.to_json(edits.given())) == edits


def test_what_fits_holds_beside_what_does_not() -> None:
    entry = laid(code(), Edits(name="Mine", enabled=False, trigger_args={"minutes": 5}))
    assert (entry.name, entry.enabled, entry.trigger_args) == ("Mine", False, {"hour": 7})
    assert [edit.key for edit in entry.edits if edit.mistake] == ["trigger_args"]


def test_an_interval_goes_on_by_the_anchor_that_it_had_before_the_edit() -> None:
    definition = code("interval", hours=1)
    note = EditNote({"hours": 1}, NOON, schedule=record(definition).schedule, anchor=NOON - 7)
    entry = laid(definition, Edits(trigger_args={"hour": 5}), NOON + HOUR // 3, trigger_args=note)
    assert entry.trigger.next_after(NOON) == NOON - 7 + HOUR


def test_an_anchor_that_is_damaged_hurts_nothing() -> None:
    entry = laid(code("interval", hours=1), Edits(), anchor=10**30)
    assert entry.next_run(NOON) == NOON + HOUR


def test_what_was_edited_is_said_in_place_of_what() -> None:
    [edit] = laid(code(), Edits(trigger_args={"hour": 5})).edits
    assert in_place_of(edit) == "hour=5 in place of the code's hour=7"
    [edit] = laid(code("interval", hours=1), Edits(trigger_args={"minutes": 5})).edits
    assert in_place_of(edit) == "minutes=5 in place of the code's hours=1"
    [edit] = laid(code(), Edits(enabled=False)).edits
    assert in_place_of(edit) == "false in place of the code's true"


def test_code_changed_below_an_edit_is_reported() -> None:
    before = record(code(hour=6))
    note = EditNote({"hour": 6}, NOON, "ada", "summer", schedule=before.schedule)
    [edit] = laid(code(hour=7), Edits(trigger_args={"hour": 5}), trigger_args=note).edits
    assert edit.has_moved
    assert moved(edit) == "the code said hour=6 then, and says hour=7 now"
    assert (edit.by, edit.reason, edit.at is None) == ("ada", "summer", False)
    [edit] = laid(code(hour=6), Edits(trigger_args={"hour": 5}), trigger_args=note).edits
    assert not edit.has_moved
    assert moved(edit) == ""


def test_a_zone_changed_in_code_below_an_edit_is_reported() -> None:
    note = EditNote({"hour": 7}, NOON, schedule=record(code()).schedule)
    definition = code(hour=7, timezone="Europe/Berlin")
    [edit] = laid(definition, Edits(trigger_args={"hour": 5}), trigger_args=note).edits
    assert moved(edit) == "the code's times changed since"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"enabled": "yes"}, "enabled"),
        ({"enabled": 1}, "enabled"),
        ({"trigger_args": [5]}, "trigger_args"),
        ({"timeout": 5}, "timeout"),
    ],
)
def test_an_edit_is_checked_like_the_code(changes: dict[str, Any], where: str) -> None:
    for task in (code(), record(code())):
        with pytest.raises(DefinitionError) as caught:
            checked_edits(task, changes)
        assert caught.value.where == where


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_edit_is_checked_by_the_rule_for_clock_changes_of_its_task(elsewhere: bool) -> None:
    gap = {"year": 2030, "month": 3, "day": 31, "hour": 2, "minute": 30}
    zone: dict[str, Any] = {"timezone": "Europe/Berlin", "hour": 7}
    strict: TaskDefinition | TaskRecord = code(**zone, dst="skip")
    lenient: TaskDefinition | TaskRecord = code(**zone)
    if elsewhere:  # only the ledger knows them
        strict, lenient = record(code(**zone, dst="skip")), record(code(**zone))
    with pytest.raises(TriggerError, match="can never fire"):
        checked_edits(strict, {"trigger_args": gap})
    assert checked_edits(lenient, {"trigger_args": {**gap, "second": None}}).trigger_args == gap


def test_only_what_can_be_edited_is_reset() -> None:
    assert checked_keys((), {"name": "x"}) == ("name",)
    assert checked_keys(("enabled",), {}) == ("enabled",)
    assert checked_keys(("frobnicate",), {"frobnicate": 1}) == ("frobnicate",)
    with pytest.raises(DefinitionError, match="Did you mean 'trigger_args'"):
        checked_keys(("triger_args",), {})


def test_a_name_of_the_code_is_compared_with_what_was_edited() -> None:
    note = EditNote("work", NOON)
    definition = replace(code(), name="New work")
    [edit] = laid(definition, Edits(name="Mine"), name=note).edits
    assert moved(edit) == 'the code said "work" then, and says "New work" now'
