"""What stands in the pages is true: their Python runs, their JSON parses, their links lead on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, links, pages, snippets

PROGRAM = Path(__file__).parent / "reading.py"
RUN = [str(page) for page in pages() if snippets(page, "python")]
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
    done = subprocess.run(
        [sys.executable, "-W", "error", str(PROGRAM), str(ROOT / page), str(file)],
        cwd=project,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("page", EVERY)
def test_the_json_of_a_page_parses(page: str) -> None:
    for snippet in snippets(Path(page), "json"):
        try:
            json.loads(snippet.text)
        except ValueError as error:
            pytest.fail(f"{page}:{snippet.line}: {error}")


@pytest.mark.parametrize("page", EVERY)
def test_the_links_of_a_page_lead_somewhere(page: str) -> None:
    here = (ROOT / page).parent
    assert [target for target in links(Path(page)) if not (here / target).exists()] == []
