"""A definition is checked in one place: what is right is kept, all that is wrong is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rota.config.sections import ManagerSection
from rota.core.task import Catchup, ExecutorName, OnCrash, Overlap, Policy, Source
from rota.definitions.define import define, define_entry, json_args
from rota.definitions.options import OPTIONS
from rota.errors import DefinitionError, Mistakes, RotaError, TriggerError
from rota.triggers import foreign_options

DEFAULTS = ManagerSection()


async def job() -> None:
    """Do the job.

    At length.
    """


def entry(**changes: Any) -> dict[str, Any]:
    """Return a sound entry of TASK_DEFINITIONS with some keys changed."""
    return {"id": "x", "func": job, "trigger": "cron", "trigger_args": {"hour": 9}, **changes}


def refused(definition: dict[str, Any]) -> RotaError:
    """Return the error of an entry."""
    with pytest.raises(RotaError) as caught:
        define_entry(definition, "TASK_DEFINITIONS[0]", DEFAULTS)
    return caught.value


def test_limits_are_kept() -> None:
    limits = {"max_running": 3, "rate": "10/m", "group": "db"}
    policy = define_entry(entry(overlap="allow", **limits), "", DEFAULTS).policy
    assert (policy.max_running, policy.rate, policy.group) == (3, "10/m", "db")
    assert not define_entry(entry(max_running=None, rate=None), "", DEFAULTS).policy.is_limited


def test_what_a_definition_says_is_kept() -> None:
    made = define_entry(
        entry(
            name="The X",
            max_retries=2,
            timeout=30,
            enabled=False,
            overlap="queue",
            catchup="all",
            on_crash="lose",
            start_deadline=60,
            retry_on=[ValueError, "shop.errors.Busy"],
            timezone="Europe/Berlin",
            dst="both",
            description="What it is for",
        ),
        "",
        DEFAULTS,
        Source("backgroundtask/x.py", 3),
    )
    assert (made.id, made.name, made.func, made.trigger) == ("x", "The X", job, "cron")
    assert made.trigger_args == {"hour": 9}
    assert (made.enabled, made.timezone, made.dst) == (False, "Europe/Berlin", "both")
    assert (made.description, str(made.source)) == ("What it is for", "backgroundtask/x.py:3")
    assert made.executor is ExecutorName.ASYNC
    assert made.policy == Policy(
        max_retries=2,
        timeout=30,
        overlap=Overlap.QUEUE,
        catchup=Catchup.ALL,
        on_crash=OnCrash.LOSE,
        start_deadline=60,
        retry_on=("ValueError", "shop.errors.Busy"),
    )


def test_what_it_does_not_say_comes_from_the_configuration_and_the_function() -> None:
    defaults = ManagerSection(
        max_task_retries=7, task_timeout=12, timezone="Asia/Tokyo", overlap="allow", dst="skip"
    )
    made = define(job, "interval", "x", {"hours": 1}, defaults=defaults)
    assert (made.policy.max_retries, made.policy.timeout) == (7, 12)
    assert (made.policy.overlap, made.timezone, made.dst) == (Overlap.ALLOW, "Asia/Tokyo", "skip")
    assert (made.name, made.description) == ("x", "Do the job.")
    assert made.source == Source(__file__, job.__code__.co_firstlineno)
    assert made.policy.on_crash is OnCrash.RESTART


@pytest.mark.parametrize(
    ("manager", "expected"),
    [
        ({"auto_restart_tasks": False}, OnCrash.LOSE),
        ({"auto_restart_tasks": False, "on_crash": "restart"}, OnCrash.RESTART),
        ({"on_crash": "lose"}, OnCrash.LOSE),
    ],
)
def test_on_crash_follows_auto_restart_tasks(manager: Any, expected: OnCrash) -> None:
    made = define_entry(entry(), "", ManagerSection(**manager))
    assert made.policy.on_crash is expected


def test_equal_rules_are_one_object() -> None:
    one = define_entry(entry(timeout=5, max_retries=1), "", ManagerSection())
    other = define_entry(entry(max_retries=1, timeout=5.0, id="y"), "", ManagerSection())
    assert one.policy is other.policy
    assert one.kwargs is other.kwargs


def test_the_triggers_arguments_may_stand_beside_the_options() -> None:
    made = define(job, "cron", "x", {"hour": 9, "timeout": 5, "jitter": 3}, defaults=DEFAULTS)
    assert made.trigger_args == {"hour": 9, "jitter": 3}


@pytest.mark.parametrize("key", sorted(OPTIONS))
def test_an_option_that_is_none_is_not_given(key: str) -> None:
    with_none = define(job, "cron", "x", {"hour": 9, key: None}, defaults=DEFAULTS)
    assert with_none == define(job, "cron", "x", {"hour": 9}, defaults=DEFAULTS)
    if key != "trigger_args":
        assert define_entry(entry(**{key: None}), "", DEFAULTS) == define_entry(
            entry(), "", DEFAULTS
        )


def test_a_default_of_the_configuration_holds_where_an_option_is_none() -> None:
    made = define_entry(entry(start_deadline=None), "", ManagerSection(start_deadline=9))
    assert made.policy.start_deadline == 9


@pytest.mark.parametrize(
    ("trigger", "given"),
    [
        ("cron", {"minute": "*/5"}),
        ("cron", {"crontab": "0 9 * * *"}),
        ("interval", {"minutes": 5}),
        ("date", {"run_date": "2030-01-01"}),
    ],
)
@pytest.mark.parametrize("apart", [True, False])
def test_an_argument_of_the_trigger_that_is_none_is_not_given(
    trigger: str, given: dict[str, Any], apart: bool
) -> None:
    names = {
        "cron": "year month day week day_of_week hour minute second crontab start_date end_date"
        " timezone jitter",
        "interval": "weeks days hours minutes seconds start_date end_date timezone jitter",
        "date": "run_date timezone",
    }[trigger].split()
    args = {**dict.fromkeys(names), **given}
    options = {"trigger_args": args} if apart else args
    made = define(job, trigger, "x", options, defaults=DEFAULTS)
    assert made == define(job, trigger, "x", given, defaults=DEFAULTS)
    assert made.trigger_args == given


def test_a_zone_may_stand_in_the_triggers_arguments() -> None:
    made = define_entry(entry(trigger_args={"hour": 9, "timezone": "Europe/Paris"}), "", DEFAULTS)
    assert made.timezone == "Europe/Paris"
    zone = define(
        job, "cron", "x", {"hour": 1, "timezone": ZoneInfo("Asia/Tokyo")}, defaults=DEFAULTS
    )
    assert zone.timezone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"id": 7}, "id", "7 is not a text. Write it in quotes."),
        ({"id": ""}, "id", "'' is empty."),
        ({"id": "x" * 201}, "id", "has 201 characters. At most 200 are possible."),
        ({"id": "a\nb"}, "id", "holds a control character."),
        ({"id": "\ud800"}, "id", "holds a control character."),
        ({"id": " x"}, "id", "begins or ends with a space."),
        ({"id": ".."}, "id", "means a directory in an address."),
        ({"name": 3}, "name", "3 is not a text."),
        ({"timeout": -5}, "timeout", "-5 is out of range. Write seconds above 0"),
        ({"timeout": 0}, "timeout", "0 is out of range."),
        ({"timeout": float("nan")}, "timeout", "nan is out of range."),
        ({"timeout": float("inf")}, "timeout", "inf is out of range."),
        ({"timeout": 10**400}, "timeout", "is out of range."),
        ({"timeout": "300"}, "timeout", "'300' is not a number of seconds."),
        ({"timeout": True}, "timeout", "True is not a number of seconds."),
        ({"max_retries": -1}, "max_retries", "-1 is out of range. Write one from 0"),
        ({"max_retries": True}, "max_retries", "True is not a whole number."),
        ({"max_retries": 2.0}, "max_retries", "2.0 is not a whole number."),
        ({"max_retries": "3"}, "max_retries", "without quotes"),
        ({"enabled": "yes"}, "enabled", "'yes' is neither True nor False."),
        ({"enabled": 1}, "enabled", "1 is neither True nor False."),
        ({"overlap": "queued"}, "overlap", "'queued' is not possible here. Did you mean 'queue'?"),
        ({"max_running": 3}, "max_running", "with overlap='skip' one runs at a time. Write"),
        ({"max_running": 0, "overlap": "allow"}, "max_running", "0 is out of range."),
        ({"rate": "10/min"}, "rate", "'10/min' is not a rate. Write how many starts per s, m"),
        ({"rate": 10}, "rate", "10 is not a text."),
        ({"group": "My DB"}, "group", "'My DB' cannot be a group. Use small letters"),
        ({"queue": "GPU"}, "queue", "'GPU' cannot be a queue. Use small letters"),
        ({"catchup": 1}, "catchup", "Write one of 'latest', 'none', 'all'."),
        ({"executor": "proces"}, "executor", "Did you mean 'process'?"),
        ({"executor": []}, "executor", "Write one of 'auto', 'async', 'thread', 'process'."),
        ({"dst": "never"}, "dst", "Write one of 'adjust', 'skip', 'both'."),
        ({"retry_backoff": 0.5}, "retry_backoff", "Write times from 1 on, and up to 100."),
        ({"retry_on": 5}, "retry_on", "names no exception. Write the class"),
        ({"retry_on": int}, "retry_on", "names no exception"),
        ({"no_retry_on": ["a b"]}, "no_retry_on", "names no exception"),
        ({"args": "one"}, "args", "'one' is not a list of arguments."),
        ({"kwargs": [1]}, "kwargs", "is not a dict from names to values."),
        ({"kwargs": {1: 2}}, "kwargs", "is not a dict from names to values."),
        ({"trigger_args": 5}, "trigger_args", "5 is not a dict from names to values."),
        ({"timeot": 5}, "timeot", "there is no such option. Did you mean 'timeout'?"),
        ({"hour": 9}, "hour", "is an argument of the trigger. Move it into trigger_args."),
        ({7: 9}, "7", "there is no such option. Names are texts."),
        ({"timezone": "Europe/Berln"}, "timezone", "Did you mean 'Europe/Berlin'?"),
        ({"timezone": 1}, "timezone", "not the name of a time zone"),
        ({"trigger": "corn"}, "trigger", "Did you mean 'cron'?"),
        ({"trigger": None}, "trigger_args.hour", "Write trigger='cron' as well"),
        ({"trigger_args": {"hour": 25}}, "trigger_args.hour", "'25' is not in 0-23"),
        ({"trigger_args": {"hours": 1}}, "trigger_args.hours", "Did you mean 'hour'?"),
        ({"trigger_args": {"day": 31, "month": 2}}, "trigger_args.day", "can never fire"),
    ],
)
def test_a_mistake_says_what_where_and_how_to_fix_it(
    changes: dict[Any, Any], key: str, said: str
) -> None:
    error = refused({**entry(), **changes})
    assert isinstance(error, DefinitionError)
    assert error.where.endswith(f", {key}")
    assert said in str(error)
    assert error.remedy


@pytest.mark.parametrize("key", ["id", "func"])
def test_a_missing_key_is_reported_with_its_place(key: str) -> None:
    definition = entry()
    del definition[key]
    error = refused(definition)
    label = "TASK_DEFINITIONS[0]" if key == "id" else "task 'x'"
    assert str(error).startswith(f"{label}, {key}: is missing.")


@pytest.mark.parametrize("name", sorted(foreign_options.OPTIONS))
def test_an_option_of_another_scheduler_is_answered_with_what_replaces_it(name: str) -> None:
    assert name not in OPTIONS
    said = foreign_options.OPTIONS[name]
    with pytest.raises(RotaError) as caught:
        define(job, "interval", "x", {"hours": 1, name: 1}, defaults=DEFAULTS)
    assert (caught.value.remedy, caught.value.where) == (said, f"task 'x', {name}")
    for error in (refused(entry(**{name: 1})), refused(entry(trigger_args={"hour": 9, name: 1}))):
        assert error.remedy == said


@pytest.mark.parametrize(
    ("executor", "said"),
    [("default", "Leave it out"), ("threadpool", "'thread'"), ("ProcessPoolExecutor", "'process'")],
)
def test_an_executor_of_another_scheduler_is_answered_with_ours(executor: str, said: str) -> None:
    assert said in refused(entry(executor=executor)).remedy


def test_a_crowd_of_unknown_keys_is_cut_before_suggestions_are_sought() -> None:
    crowd = {f"max_retrie{number}": 1 for number in range(60_000)}
    inside, beside = refused(entry(trigger_args={"hour": 9, **crowd})), refused(entry(**crowd))
    assert isinstance(beside, Mistakes)
    assert len(beside.errors) == 21
    assert "nor are 59,980 more" in str(beside)
    assert len(str(inside)) < 10_000


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(Mistakes) as caught:
        define_entry(
            entry(id="", timeout=-1, max_retrys=3, trigger_args={"hour": 99}, func="job"),
            "",
            DEFAULTS,
            Source("backgroundtask/x.py", 3),
            {"timeout": 8, "trigger_args": 5, "trigger_args.hour": 6},
        )
    errors = caught.value.errors
    assert {error.where.split(", ")[2] for error in errors} == {
        "id", "timeout", "max_retrys", "trigger_args.hour", "func",
    }  # fmt: skip
    places = [error.where.partition(",")[0] for error in errors]
    assert places.count("backgroundtask/x.py:8") == 1
    assert places.count("backgroundtask/x.py:6") == 1
    assert places.count("backgroundtask/x.py:3") == 3
    assert any(isinstance(error, TriggerError) and error.field == "hour" for error in errors)


def test_a_wrong_zone_is_reported_once() -> None:
    error = refused(entry(trigger_args={"hour": 9, "timezone": "Nowhere"}))
    assert isinstance(error, TriggerError)
    assert error.where == "task 'x', trigger_args.timezone"


def test_two_zones_are_refused() -> None:
    both = entry(timezone="UTC", trigger_args={"hour": 9, "timezone": "UTC"})
    assert "is given twice" in str(refused(both))


def test_objects_that_fight_back_are_refused_in_words() -> None:
    class Hostile(int):
        def __ge__(self, other: object) -> bool:
            raise RuntimeError("no")

        __le__ = __gt__ = __lt__ = __ge__

    assert "cannot be examined (RuntimeError)" in str(refused(entry(timeout=Hostile(3))))


def test_json_args_are_json_and_read_back_the_same() -> None:
    given_args = {
        "start_date": datetime(2030, 1, 31, 9, tzinfo=UTC),
        "end_date": date(2031, 1, 1),
        "timezone": ZoneInfo("Europe/Berlin"),
        "hour": "*/2",
        "minute": 0,
    }
    written = json.loads(json.dumps(json_args(given_args)))
    assert written == {
        "start_date": "2030-01-31T09:00:00+00:00",
        "end_date": "2031-01-01",
        "timezone": "Europe/Berlin",
        "hour": "*/2",
        "minute": 0,
    }
    define(job, "cron", "x", written, defaults=DEFAULTS)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)
keys = st.sampled_from(["id", "func", "trigger", "hour", "nonsense", *OPTIONS])


@settings(deadline=None)  # other work shares the machine
@given(st.dictionaries(keys | st.text(), anything, max_size=4), st.booleans())
def test_any_value_of_any_key_is_taken_or_refused_in_words(
    changes: dict[str, Any], inside: bool
) -> None:
    args = {key: value for key, value in changes.items() if key != "trigger_args"}
    definition = entry(trigger_args=args) if inside else entry(**changes)
    attempt: Callable[[], object] = lambda: define_entry(definition, "entry", DEFAULTS)  # noqa: E731
    try:
        attempt()
    except RotaError as error:
        for one in error.errors if isinstance(error, Mistakes) else [error]:
            assert isinstance(one, DefinitionError)
            assert one.what and one.where
            assert len(str(one)) < 3_000


@settings(deadline=None)
@given(st.sampled_from(["cron", "interval", "date"]), st.dictionaries(keys, anything, max_size=3))
def test_options_of_add_task_are_taken_or_refused_in_words(
    trigger: str, options: dict[str, Any]
) -> None:
    try:
        made = define(job, trigger, "x", options, defaults=DEFAULTS)
    except RotaError:
        return
    assert made.trigger == trigger


def test_except_may_be_an_option_or_an_argument() -> None:
    christmas = [{"crontab": "0 9 25 12 *"}]
    args = {"hour": 9, "except": christmas}
    made = [
        define(job, "cron", "a", {"hour": 9, "except_": christmas}, defaults=DEFAULTS),
        define_entry({**entry(), "except": christmas}, "", DEFAULTS),
        define_entry(entry(trigger_args=args), "", DEFAULTS),
    ]
    assert [dict(one.trigger_args) for one in made] == [args] * 3
