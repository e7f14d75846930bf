"""What stands in the pages is true: their Python runs, their JSON parses, their links lead on."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

import rota
from rota import testing
from rota.manager.runs import RunVerbs
from rota.manager.tasks import TaskVerbs
from tests import forked
from tests.docs import pages as pages_of
from tests.docs import shelves
from tests.docs.pages import ROOT, pages, snippets

PROGRAM = Path(__file__).parent / "reading.py"
RUN = [str(page) for page in pages() if snippets(page, "python")]
INTERNAL = {
    "add_definition", "carry_out", "change_task", "create_task", "leave_to_the_parent", "run_alone",
    "take_in_marked",
}  # fmt: skip
"""Methods of the task manager for rota's own command line, pages and API."""
EVERY = [str(page) for page in pages()]


@pytest.mark.parametrize("page", RUN)
def test_the_python_of_a_page_runs(page: str, tmp_path: Path) -> None:
    found = snippets(Path(page), "python")
    for snippet in found:
        compile("\n" * (snippet.line - 1) + snippet.text, page, "exec")
    file = tmp_path / "blocks.json"
    file.write_text(json.dumps([(one.line, one.text) for one in found if not one.not_run]))
    project = tmp_path / "project"
    project.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XCORE_")}
    command = [sys.executable, "-W", "error", str(PROGRAM), str(ROOT / page), str(file)]
    done = forked.run(command, project, {**kept, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", EVERY)
def test_the_json_of_a_page_parses(page: str) -> None:
    for snippet in snippets(Path(page), "json"):
        try:
            json.loads(snippet.text)
        except ValueError as error:
            pytest.fail(f"{page}:{snippet.line}: {error}")


@pytest.mark.parametrize("page", EVERY)
def test_the_links_of_a_page_lead_somewhere(page: str) -> None:
    assert list(shelves.links(ROOT / page)) == []


def test_every_page_is_on_a_shelf() -> None:
    assert list(shelves.shelves()) == []


def test_the_reference_lists_every_public_name() -> None:
    page = (ROOT / "docs" / "reference" / "python.md").read_text()
    listed = set(re.findall(r"^(?:::: [\w.]+\.| +- )(\w+)$", page, re.M))
    offered = {*rota.__all__, *rota.web.__all__, *testing.__all__} - {
        "__version__",
        "errors",
        "web",
    }
    assert offered - listed == set()
    verbs = {name for name in vars(rota.TaskManager) if not name.startswith("_")}
    verbs |= {name for base in (TaskVerbs, RunVerbs) for name in vars(base) if name[0] != "_"}
    assert verbs - listed - INTERNAL == set()


def test_a_link_that_leads_nowhere_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (shelves, pages_of):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(shelves, "DOCS", tmp_path / "docs")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text("# A title, and more\n")
    page = tmp_path / "docs" / "page.md"
    page.write_text(
        "[a](other.md) [b](other.md#a-title-and-more) [c](gone.md) [d](other.md#gone) [e](../x)\n"
        "```text\n[f](in-a-block.md)\n```\nSomebody goes on.\n"
    )
    (tmp_path / "x").touch()
    assert list(shelves.links(page)) == [
        "docs/page.md: there is no gone.md.",
        "docs/page.md: docs/other.md has no title for #gone.",
        "docs/page.md: ../x is no part of the site; name it without a link.",
    ]
    [said] = shelves.english(page)
    assert "somebody, goes on" in said
