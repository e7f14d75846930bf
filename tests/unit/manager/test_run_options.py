"""The options of one call are the same in Python, REST, the command line and the page."""

from __future__ import annotations

import inspect

from rota.cli.commands.runs import run
from rota.manager import TaskManager
from rota.manager.jobs import OPTION_NAMES
from rota.web.api.models import RunRequest
from rota.web.pages.parts.run_form import FIELDS

IN_PYTHON_ALONE = {"connection", "on_commit"}
BY_WORD = {"arg": "arguments", "at": "run_at", "tag": "tags"}
OF_THE_COMMAND = {"task", "wait", "wait_for", "config"}


def test_every_way_to_enqueue_has_every_option() -> None:
    taken = set(inspect.signature(TaskManager.enqueue).parameters) - {"self", "id"}
    assert set(OPTION_NAMES) == taken - {"arguments", "reason"}
    everywhere = taken - IN_PYTHON_ALONE
    assert set(RunRequest.model_fields) == everywhere
    words = set(inspect.signature(run.command).parameters) - OF_THE_COMMAND
    assert {BY_WORD.get(word, word) for word in words} == everywhere
    assert set(FIELDS) == everywhere - {"arguments", "reason"}
