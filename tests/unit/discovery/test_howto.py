"""The page on tasks: its snippets run, and are the task files that they say they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rota.definitions.options import OPTIONS

if TYPE_CHECKING:
    from .conftest import Project

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "tasks.md"


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_snippets_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks():
        exec(compile(block, str(PAGE), "exec", dont_inherit=True), names)


def test_the_task_files_load(project: Project) -> None:
    first, second = blocks()[:2]
    project.write("shop.py", first)
    project.write("prices.py", second)
    catalogue = project.load()
    assert catalogue.errors == []
    assert {made.id for made in catalogue.definitions} == {
        *("good", "send_reports", "count_stock_a", "fetch_prices", "poll", "look_now")
    }


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_explained(option: str) -> None:
    assert f"| `{option}` | " in (PAGE.parents[1] / "reference" / "options.md").read_text()
