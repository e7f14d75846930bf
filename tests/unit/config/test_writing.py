"""Changing a configuration and writing it; what of it may be shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rota.config import Xcorecfg, redact_url
from rota.errors import ConfigError


def test_a_file_round_trips_with_the_applications_keys(write: Callable[[Any], Path]) -> None:
    content = {
        "$schema": "docs/reference/config.schema.json",
        "log_level": "INFO",
        "manager": {"max_tasks": 50, "task_timeout": 300, "retry_delay": 0.5, "node": None},
        "redis": {"password": "hunter2"},
        "premium_features_enabled": True,
        "shop": {"title": "Käse & Brot", "rates": [1, 2.5, None]},
    }
    config = Xcorecfg.from_file(write(content), environ={})
    config.to_file("copy.json")
    assert json.loads(Path("copy.json").read_text()) == content
    assert '"task_timeout": 300,' in Path("copy.json").read_text()
    assert "Käse" in Path("copy.json").read_text()
    assert Xcorecfg.from_file("copy.json", environ={}).model_dump() == config.model_dump()


def test_defaults_are_left_out_and_changes_written() -> None:
    config = Xcorecfg()
    config.manager.max_tasks = 80
    config.cluster.queues = ["gpu"]
    config.to_file("config.json")
    written = {"manager": {"max_tasks": 80}, "cluster": {"queues": ["gpu"]}}
    assert json.loads(Path("config.json").read_text()) == written


def test_the_effective_value_is_written() -> None:
    Xcorecfg.from_env(environ={"XCORE_MANAGER__PORT": "9000"}).to_file("config.json")
    assert Xcorecfg.from_file("config.json", environ={}).manager.port == 9000


def test_permissions_and_links_stay(write: Callable[[Any], Path]) -> None:
    path = write({"debug": True})
    path.chmod(0o640)
    Path("link.json").symlink_to(path)
    Xcorecfg(app_name="shop").to_file("link.json")
    assert Path("link.json").is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert json.loads(path.read_text()) == {"app_name": "shop"}


def test_what_cannot_be_written_leaves_the_old_file(write: Callable[[Any], Path]) -> None:
    path = write({"debug": True})
    config = Xcorecfg.from_file(path)
    config.made_by = object()
    with pytest.raises(ConfigError, match="cannot be written as JSON"):
        config.to_file(path)
    with pytest.raises(ConfigError, match="cannot be written"):
        Xcorecfg().to_file("no/such/directory/config.json")
    assert json.loads(path.read_text()) == {"debug": True}
    assert [p.name for p in path.parent.iterdir()] == ["config.json"]


def test_assignments_are_checked() -> None:
    config = Xcorecfg()
    with pytest.raises(ConfigError, match=r"max_tasks: 0 must be greater"):
        config.manager.max_tasks = 0
    with pytest.raises(ConfigError, match="Did you mean 'max_tasks'"):
        config.manager.max_task = 5
    with pytest.raises(ConfigError, match="log_level"):
        config.log_level = "LOUD"  # type: ignore[assignment]
    assert config.manager.max_tasks is None


def test_printing_a_configuration_shows_no_secret() -> None:
    environ = {
        "XCORE_REDIS__PASSWORD": "hunter2",
        "XCORE_DATABASE__URL": "postgresql://user:hunter2@host/x",
        "XCORE_MANAGER__LEDGER_URL": "postgresql://host/x?password=hunter2&sslmode=require",
        "XCORE_REPORTS__APPRISE_URLS": '["slack://hunter2/hunter2"]',
        "XCORE_STRIPE__API_KEY": "hunter2",
        "XCORE_STRIPE__URLS": '["https://user:hunter2@host/"]',
        "XCORE_TOKENS__CI": "hunter2",
        "XCORE_MAIL__DKIM_KEY": '{"of": "hunter2"}',
        "XCORE_SIGNING_KEY": "hunter2",
    }
    config = Xcorecfg.from_env(environ=environ)
    for text in (repr(config), str(config), f"{config.redis}", f"{config.manager!r}"):
        assert "hunter2" not in text
    assert "sslmode=require" in repr(config)
    assert config.redis.password == "hunter2"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:pw@host/x", "postgresql://***@host/x"),
        ("postgresql://user:p/w@x@host/x", "postgresql://***@host/x"),
        ("redis://:pw@host:6379/0", "redis://***@host:6379/0"),
        ("sqlite:///data/a@b.db", "sqlite:///data/a@b.db"),
        ("sqlite:////data/a@b.db", "sqlite:////data/a@b.db"),
        ("postgresql://host/x", "postgresql://host/x"),
    ],
)
def test_masked_urls(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_redis_is_reached_by_url() -> None:
    redis = Xcorecfg().redis
    assert redis.url == "redis://localhost:6379/0"
    redis.password, redis.host = "a/b@c", "::1"
    assert redis.url == "redis://:a%2Fb%40c@[::1]:6379/0"


def test_logging_options_follow_debug_section_and_top_level() -> None:
    config = Xcorecfg(log_level="WARNING")
    assert config.logging_options()["log_level"] == "WARNING"
    config.loggers.log_level = "ERROR"
    config.loggers.log_file = "app.log"
    assert config.logging_options() == {
        "log_level": "ERROR",
        "log_file": "app.log",
        "max_bytes": 10 * 1024 * 1024,
        "backup_count": 5,
        "colors": None,
    }
    config.debug, config.loggers.enable_file, config.loggers.enable_colors = True, False, False
    options = config.logging_options()
    assert (options["log_level"], options["log_file"], options["colors"]) == ("DEBUG", None, False)
