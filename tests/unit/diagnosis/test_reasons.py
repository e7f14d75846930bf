"""Every code has a meaning and a remedy, and every finding has a code."""

from __future__ import annotations

import ast
import string
from dataclasses import replace
from pathlib import Path

import pytest

from rota.core.reasons import Code, Reason, ReasonCode, TroubleCode
from rota.core.reasons.remedies import EXPLANATIONS, of_run, reason
from rota.core.run import State
from tests.integration.cli.test_live import RUN

CODES: list[Code] = [*ReasonCode, *TroubleCode]
SOURCE = Path(__file__).resolve().parents[3] / "src" / "rota"


def test_every_code_is_in_the_one_table_and_no_word_has_two_meanings() -> None:
    assert len(set(CODES)) == len(CODES)
    assert set(EXPLANATIONS) == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_meaning_and_a_remedy(code: Code) -> None:
    meaning, remedy = EXPLANATIONS[code]
    assert meaning
    assert remedy or code is TroubleCode.FINE


def test_every_code_of_a_trouble_is_found_by_something() -> None:
    used = {
        node.attr
        for path in SOURCE.rglob("*.py")
        if path.parent.name != "reasons"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "TroubleCode"
    }
    assert used == set(TroubleCode.__members__)


def test_names_are_filled_into_the_remedy_and_a_missing_one_is_an_error() -> None:
    paused = reason(TroubleCode.TASK_PAUSED, "it is paused.", task="report")
    assert paused == Reason(TroubleCode.TASK_PAUSED, "it is paused.", "rota resume report")
    named = [code for code in CODES if any(field for _, field, _, _ in _parts(code) if field)]
    for code in named:
        with pytest.raises(KeyError):
            reason(code, "text")


def test_the_reason_of_a_run_has_the_remedy_of_its_code() -> None:
    failed = replace(RUN, state=State.FAILED, reason="ValueError: no", reason_code=ReasonCode.ERROR)
    assert of_run(failed, TroubleCode.RUNS_FAILED) == reason(ReasonCode.ERROR, "ValueError: no")


def _parts(code: Code) -> list[tuple[str, str | None, str | None, str | None]]:
    return list(string.Formatter().parse(EXPLANATIONS[code].remedy))
