"""A config.json as users write it, and everything that can be wrong with one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rota.config import Xcorecfg, current, foreign_keys, use
from rota.config.sections import ManagerSection
from rota.errors import ConfigError, Mistakes

ROOT = Path(__file__).parents[3]


def test_the_sample_file_says_what_the_document_says() -> None:
    config = Xcorecfg.from_file(ROOT / "config.json")
    manager = config.manager
    assert (manager.tasks_directory, manager.max_tasks) == ("backgroundtask", 50)
    assert (manager.task_timeout, manager.auto_restart_tasks) == (300, True)
    assert (manager.max_task_retries, manager.scheduler_thread_pool) == (3, 10)


def test_without_a_file_the_defaults_hold() -> None:
    config = Xcorecfg.load(environ={})
    assert config == Xcorecfg()
    assert config.manager.max_tasks is None
    assert config.manager.node is None
    assert config.manager.ledger_url == "sqlite:///rota.db"


def test_load_takes_the_file_of_the_directory(write: Callable[[Any], Path]) -> None:
    write({"manager": {"max_tasks": 7}})
    assert Xcorecfg.load(environ={}).manager.max_tasks == 7


def test_the_applications_own_keys_are_attributes(write: Callable[[Any], Path]) -> None:
    write({"premium_features_enabled": True, "shop": {"currency": "EUR"}})
    config = Xcorecfg.from_file("config.json")
    assert config.premium_features_enabled is True
    assert config.shop["currency"] == "EUR"


def test_a_missing_key_is_an_attribute_error_with_a_hint() -> None:
    with pytest.raises(AttributeError, match="Did you mean 'manager'"):
        _ = Xcorecfg().manger
    assert getattr(Xcorecfg(), "absent", 3) == 3


def test_a_misspelt_key_names_file_line_key_and_the_nearest(refused: Any) -> None:
    [error] = refused({"app_name": "shop", "manager": {"max_tasks": 50, "task_timout": 5}})
    assert str(error) == (
        "config.json, line 5, manager.task_timout: no such key. Did you mean 'task_timeout'?"
    )


@pytest.mark.parametrize("name", foreign_keys.KEYS)
def test_a_key_of_another_scheduler_is_answered_with_what_replaces_it(
    refused: Any, name: str
) -> None:
    for spelling in (name, name.upper()):
        [error] = refused({"manager": {spelling: 1}})
        assert (error.what, error.remedy) == ("no such key.", foreign_keys.instead_of(name))


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("max_instances", "manager.overlap"),
        ("calendars", "'calendars' at the top level"),
        ("broker_url", "cluster.broker_url"),
        ("jitter", "'jitter' at each task"),
        ("beat_schedule", "@rota.task"),
    ],
)
def test_the_answer_to_a_foreign_key_names_the_key_to_write(
    refused: Any, name: str, remedy: str
) -> None:
    [error] = refused({"manager": {name: 1}})
    assert remedy in error.remedy


def test_every_key_that_replaces_a_foreign_one_exists() -> None:
    known = ManagerSection.model_fields
    assert not foreign_keys.KEYS.keys() & known.keys()
    named = re.findall(r"manager\.(\w+)", " ".join(foreign_keys.KEYS.values()))
    assert {*named} <= known.keys()


def test_all_mistakes_come_at_once(refused: Any) -> None:
    errors = refused(
        {
            "log_level": "LOUD",
            "manager": {"max_task": 1, "task_timeout": 0, "overlap": "skp"},
            "database": {"pool_size": 0},
        },
        XCORE_MANAGER__PROT="1",
    )
    told = "\n".join(map(str, errors))
    assert len(errors) == 6
    for place in ("log_level", "max_task", "task_timeout", "overlap", "pool_size", "XCORE_"):
        assert place in told
    assert "Did you mean 'skip'?" in told


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("manager", "max_task_retries", -1),
        ("manager", "max_task_retries", True),
        ("manager", "max_tasks", 0),
        ("manager", "max_tasks", "50"),
        ("manager", "max_tasks", 1.5),
        ("manager", "task_timeout", 0),
        ("manager", "task_timeout", 1e12),
        ("manager", "scheduler_thread_pool", 0),
        ("manager", "auto_restart_tasks", 1),
        ("manager", "auto_restart_tasks", "yes"),
        ("manager", "timezone", "Europe/Berln"),
        ("manager", "timezone", "localtime"),
        ("manager", "timezone", "../../etc/passwd"),
        ("manager", "timezone", ""),
        ("manager", "port", 65536),
        ("cluster", "queues", "gpu"),
        ("cluster", "queues", [1]),
        ("manager", "ledger_url", "mysql://host/x"),
        ("manager", "ledger_url", "rota.db"),
        ("manager", "tasks_directory", ""),
        ("manager", "tasks_directory", None),
        ("manager", "tasks_directory", []),
        ("manager", "tasks_directory", ["jobs", ""]),
        ("manager", "tasks_modules", "orders.tasks"),
        ("manager", "executor", "threads"),
        ("database", "url", "app.db"),
        ("database", "pool_timeout", -1),
        ("redis", "port", 0),
        ("loggers", "log_level", "LOUD"),
        ("loggers", "max_bytes", -1),
    ],
)
def test_what_cannot_be_meant_is_refused(
    refused: Any, section: str, key: str, value: object
) -> None:
    [error] = refused({section: {key: value}})
    assert error.where.startswith(f"config.json, line 3, {section}.{key}")
    assert error.what
    assert error.remedy


@pytest.mark.parametrize("key", ["notify", "notify_private"])
def test_alerts_are_refused_until_they_are_built(refused: Any, key: str) -> None:
    [error] = refused({"manager": {key: ["json://host"]}})
    assert error.where == f"config.json, line 3, manager.{key}"
    assert "alerts are not built yet" in error.what
    with pytest.raises(ConfigError, match="alerts are not built yet"):
        Xcorecfg.from_env(environ={f"XCORE_MANAGER__{key.upper()}": "[]"})
    with pytest.raises(ConfigError, match="alerts are not built yet"):
        setattr(Xcorecfg().manager, key, [])


def test_a_crowd_of_unknown_keys_is_cut_before_suggestions_are_sought(refused: Any) -> None:
    errors = refused({"manager": {f"max_task{number}": 1 for number in range(60_000)}})
    assert len(errors) == 21
    assert "Did you mean 'max_tasks'?" in errors[0].remedy
    assert errors[-1].what == "59,980 more mistakes are not listed."


@pytest.mark.parametrize("name", ["manger", "Manager", "data_base"])
def test_a_misspelt_section_is_refused(refused: Any, name: str) -> None:
    [error] = refused({name: {"max_tasks": 5, "url": "sqlite://"}})
    assert "Did you mean" in error.remedy


def test_a_similar_name_with_keys_of_its_own_is_the_applications(
    write: Callable[[Any], Path],
) -> None:
    write({"managers": {"names": ["Ada"]}, "databases": 3})
    assert Xcorecfg.from_file("config.json").managers == {"names": ["Ada"]}


def test_groups_have_limits(write: Callable[[Any], Path]) -> None:
    write({"cluster": {"groups": {"db": {"max_running": 3}, "mail": {"rate": "600/h"}}}})
    groups = Xcorecfg.from_file("config.json").cluster.groups
    assert (groups["db"].max_running, groups["db"].rate) == (3, None)
    assert (groups["mail"].max_running, groups["mail"].rate) == (None, "600/h")


@pytest.mark.parametrize(
    ("limits", "where", "what"),
    [
        ({"max_running": 0}, "cluster.groups.db.max_running", "greater than or equal to 1"),
        ({"rate": "10/min"}, "cluster.groups.db.rate", "is not a rate. Write how many starts"),
        ({"max_runing": 3}, "cluster.groups.db.max_runing", "no such key"),
        (3, "cluster.groups.db", ""),
    ],
)
def test_a_mistake_in_a_group_is_reported_with_its_place(
    refused: Any, limits: Any, where: str, what: str
) -> None:
    [error] = refused({"cluster": {"groups": {"db": limits}}})
    assert where in str(error)
    assert what in str(error)


def test_a_section_that_is_no_object_is_refused(refused: Any) -> None:
    [error] = refused({"manager": 5})
    assert "is not a section" in error.what


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        ("", "config.json, line 1, column 1", "is not JSON"),
        ('{\n "debug": true\n "a": 1}', "config.json, line 3, column 2", "is not JSON"),
        ("{'debug': true}", "config.json, line 1, column 2", "is not JSON"),
        ("[1]", "config.json", "not an object"),
        ("\xff".encode("latin-1"), "config.json", "not UTF-8"),
        ('{"debug": true}'.encode("utf-16"), "config.json", "not UTF-8"),
        ('{"a": NaN}', "config.json, line 1, a", "not a finite number"),
        ('{"a": [1,\n 1e999]}', "config.json, line 2, a.1", "not a finite number"),
        ('{"a": "\\ud800"}', "config.json, line 1, a", "surrogate"),
        ('{"a": ' + "9" * 5000 + "}", "config.json", "thousands of digits"),
        ('{"a": ' + "[" * 60 + "]" * 60 + "}", "config.json, line 1", "50 levels"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "config.json", "50 levels"),
    ],
)
def test_a_broken_task_file_is_reported_with_file_and_line(
    refused: Any, content: Any, where: str, what: str
) -> None:
    [error] = refused(content)
    assert error.where == where
    assert what in error.what
    assert error.remedy


def test_a_key_given_twice_is_refused_with_both_lines(refused: Any) -> None:
    [error] = refused('{\n "manager": {\n  "port": 1,\n  "host": "a",\n  "port": 2}}')
    assert error.where == "config.json, line 5, manager.port"
    assert "line 3" in error.what


def test_the_same_key_in_two_objects_of_a_list_is_no_double(
    write: Callable[[Any], Path],
) -> None:
    write({"shops": [{"name": "a"}, {"name": "b"}]})
    assert len(Xcorecfg.from_file("config.json").shops) == 2


def test_a_byte_order_mark_does_not_disturb(write: Callable[[Any], Path]) -> None:
    write(b'\xef\xbb\xbf{"app_name": "shop"}')
    assert Xcorecfg.from_file("config.json").app_name == "shop"


@pytest.mark.parametrize("path", ["absent.json", ".", "no/such/directory.json", "nul\0.json"])
def test_an_unreadable_file_is_reported(path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Xcorecfg.from_file(path)
    assert caught.value.remedy


def test_errors_show_no_secrets(refused: Any) -> None:
    errors = refused(
        {
            "redis": {"password": ["hunter2"]},
            "database": {"url": "postgres//user:hunter2@host/x"},
            "manager": {"ledger_url": "mysql://user:hunter2@host/x"},
        }
    )
    assert len(errors) == 3
    assert "hunter2" not in str(Mistakes(errors))


def test_the_process_reads_its_configuration_once_and_late(
    write: Callable[[Any], Path],
) -> None:
    path = write({"app_name": "first"})
    assert current().app_name == "first"
    path.unlink()
    assert current().app_name == "first"
    use(Xcorecfg(app_name="given"))
    assert current().app_name == "given"


@pytest.mark.parametrize(
    ("section", "policy"),
    [
        ({}, "restart"),
        ({"auto_restart_tasks": False}, "lose"),
        ({"auto_restart_tasks": False, "on_crash": "restart"}, "restart"),
        ({"on_crash": "lose"}, "lose"),
    ],
)
def test_the_crash_policy_follows_auto_restart_unless_named(
    write: Callable[[Any], Path], section: dict[str, Any], policy: str
) -> None:
    write({"manager": section})
    assert Xcorecfg.from_file("config.json").manager.crash_policy == policy
