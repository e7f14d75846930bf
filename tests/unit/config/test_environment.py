"""XCORE_ variables over the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rota.config import Xcorecfg


def env(**variables: str) -> Xcorecfg:
    return Xcorecfg.from_env(environ=variables)


def test_a_variable_overrides_the_file(write: Callable[[Any], Path]) -> None:
    write({"manager": {"max_tasks": 50, "port": 1}})
    config = Xcorecfg.from_file("config.json", environ={"XCORE_MANAGER__MAX_TASKS": "80"})
    assert (config.manager.max_tasks, config.manager.port) == (80, 1)


def test_the_process_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCORE_LOG_LEVEL", "debug")
    assert Xcorecfg.from_env().log_level == "DEBUG"


@pytest.mark.parametrize(
    ("variable", "text", "path", "value"),
    [
        ("XCORE_DEBUG", "true", "debug", True),
        ("XCORE_DEBUG", "0", "debug", False),
        ("XCORE_MANAGER__TASK_TIMEOUT", "2.5", "manager.task_timeout", 2.5),
        ("XCORE_MANAGER__MAX_TASKS", "", "manager.max_tasks", None),
        ("XCORE_MANAGER__START_DEADLINE", "null", "manager.start_deadline", None),
        ("XCORE_MANAGER__ON_CRASH", "lose", "manager.on_crash", "lose"),
        ("XCORE_CLUSTER__QUEUES", '["a", "b"]', "cluster.queues", ["a", "b"]),
        ("XCORE_MANAGER__TASKS_DIRECTORY", "jobs", "manager.tasks_directory", "jobs"),
        ("XCORE_MANAGER__TASKS_DIRECTORY", '["a", "b"]', "manager.tasks_directory", ["a", "b"]),
        (
            "XCORE_MANAGER__TASKS_MODULES",
            '["orders.tasks"]',
            "manager.tasks_modules",
            ["orders.tasks"],
        ),
        ("XCORE_REDIS__PASSWORD", "1234", "redis.password", "1234"),
        ("XCORE_DATABASE__URL", "postgresql://h/x", "database.url", "postgresql://h/x"),
    ],
)
def test_texts_become_the_type_of_their_key(
    variable: str, text: str, path: str, value: object
) -> None:
    config: Any = env(**{variable: text})
    for name in path.split("."):
        config = getattr(config, name)
    assert config == value


def test_other_variables_do_not_concern_us() -> None:
    assert env(PATH="/bin", MANAGER__MAX_TASKS="x") == Xcorecfg()


def test_the_applications_own_keys_may_come_from_the_environment(
    write: Callable[[Any], Path],
) -> None:
    write({"shop": {"currency": "EUR", "vat": 19}})
    environ = {"XCORE_SHOP__VAT": "21", "XCORE_PREMIUM": "true", "XCORE_GREETING": "NaN"}
    config = Xcorecfg.from_file("config.json", environ=environ)
    assert config.shop == {"currency": "EUR", "vat": 21}
    assert (config.premium, config.greeting) == (True, "NaN")


@pytest.mark.parametrize(
    ("variable", "text", "told"),
    [
        ("XCORE_MANAGER__MAX_TASK", "1", "Did you mean 'max_tasks'?"),
        ("XCORE_MANAGER__MAX_TASKS", "many", "must be a valid integer"),
        ("XCORE_MANAGER__MAX_TASKS", "0", "greater than or equal to 1"),
        ("XCORE_MANAGER__TASK_TIMEOUT", "nan", "finite"),
        ("XCORE_CLUSTER__QUEUES", "gpu", "valid list"),
        ("XCORE_MANAGER__MAX_TASKS__X", "1", "no such key"),
        ("XCORE_MANAGER_MAX_TASKS", "1", "Write XCORE_MANAGER__MAX_TASKS."),
        ("XCORE_MANAGER", "{}", "names a whole section"),
        ("XCORE_MANGER__MAX_TASKS", "1", "Did you mean 'manager'?"),
        ("XCORE_LOG_LEVEL__X", "1", "Write XCORE_LOG_LEVEL."),
        ("XCORE_", "1", "empty level"),
        ("XCORE_MANAGER__", "1", "empty level"),
        ("XCORE_APP_NAME", "", "at least 1 character"),
    ],
)
def test_mistakes_name_the_variable(refused: Any, variable: str, text: str, told: str) -> None:
    [error] = refused(**{variable: text})
    assert error.where == f"environment variable {variable}"
    assert told in str(error)


def test_a_variable_cannot_go_through_what_is_no_object(refused: Any) -> None:
    [error] = refused({"shop": 5}, XCORE_SHOP__VAT="21")
    assert "'shop' in the file is not an object" in error.what


def test_a_broken_section_is_reported_even_if_a_variable_overrides_it(refused: Any) -> None:
    errors = refused({"manager": 5}, XCORE_MANAGER__PORT="21")
    assert any("is not a section" in error.what for error in errors)


def test_every_value_says_where_it_came_from(write: Callable[[Any], Path]) -> None:
    write({"$schema": "x", "manager": {"port": 1, "max_tasks": 2}, "shop": {"vat": 19}})
    environ = {"XCORE_MANAGER__PORT": "2"}
    config = Xcorecfg.from_file("config.json", environ=environ)
    config.debug = True
    sources = config.sources()
    assert sources["manager.port"] == "environment XCORE_MANAGER__PORT"
    assert sources["manager.max_tasks"] == "file config.json"
    assert sources["shop.vat"] == "file config.json"
    assert sources["manager.host"] == "default"
    assert sources["debug"] == "program"
    assert "$schema" not in sources
