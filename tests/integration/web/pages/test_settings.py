"""The screen Settings: values, their sources, and no secret of any kind."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from rota import web
from rota.config import Xcorecfg
from rota.manager import TaskManager
from tests.integration.web.pages.read import part, text


@pytest.fixture
def page(tmp_path: Path) -> str:
    """Return the screen of a configuration with something from everywhere."""
    file = tmp_path / "config.json"
    written = {
        "app_name": "<b>Books</b>",
        "manager": {"ledger_url": "memory://"},
        "reports": {"apprise_urls": ["slack://hidden1/hidden1"]},
        "database": {"url": "postgresql://ada:hidden2@db/books?sslpassword=hidden3"},
        "redis": {"password": "hidden4"},
        "mail": {"smtp": {"signing_key": "hidden5", "host": "mx.example"}},
        "tokens": {"ci": ["hidden6"]},
        "colours": ["red", "blue"],
    }
    file.write_text(json.dumps(written))
    config = Xcorecfg.from_file(file, environ={"XCORE_MANAGER__TIMEZONE": "Europe/Berlin"})
    config.manager.port = 0
    manager = TaskManager(config, project=tmp_path)
    with web.serve(manager, port=0) as server:
        page = httpx.get(f"{server.url}settings", timeout=20).text
    manager.shutdown()
    return page


def test_each_value_has_its_source(page: str) -> None:
    manager = part(page, "section-manager")
    assert "timezone Time zone (tz database name)" in manager
    assert "Europe/Berlin environment XCORE_MANAGER__TIMEZONE" in manager
    assert "memory:// file" in manager
    assert (
        "max_task_retries Retries after the first attempt, if a task sets none. 3 default"
        in manager
    )
    assert "port Port on which they listen; 0: any free one. 0 program" in manager
    assert "mx.example" in part(page, "section-own")
    assert "red" in part(page, "section-own")


def test_no_secret_is_shown(page: str) -> None:
    assert "hidden<" in page  # the word that stands in their places
    for number in range(1, 7):
        assert f"hidden{number}" not in page
    assert "postgresql://***@db/books?sslpassword=***" in text(page)


def test_values_are_inert(page: str) -> None:
    assert "<b>Books" not in page


def test_only_what_was_given(tmp_path: Path) -> None:
    manager = TaskManager(Xcorecfg(), project=tmp_path)
    with web.serve(manager, port=0) as server:
        page = httpx.get(f"{server.url}settings?only=given", timeout=20).text
    manager.shutdown()
    assert "All settings have their defaults." in text(page)
