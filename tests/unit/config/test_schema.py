"""The JSON schema of config.json is current, complete and agrees with what is accepted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rota.config import Xcorecfg, json_schema
from rota.config.schema import text

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "docs" / "reference" / "config.schema.json"


def test_the_committed_schema_is_current() -> None:
    hint = "python -c 'from rota.config.schema import text; print(text(), end=\"\")'"
    assert COMMITTED.read_text(encoding="utf-8") == text(), f"Write it anew: {hint} > {COMMITTED}"


def test_every_key_is_described() -> None:
    schema = json_schema()
    parts = [schema, *schema["$defs"].values()]
    for part in parts:
        for key, field in part["properties"].items():
            assert field.get("description"), key


def test_the_sample_and_the_defaults_fit() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    for content in (json.loads((ROOT / "config.json").read_text()), _defaults()):
        jsonschema.validate(content, json_schema())


@pytest.mark.parametrize(
    "content",
    [
        {"manager": {"max_task": 1}},
        {"manager": {"max_tasks": 0}},
        {"manager": {"overlap": "skp"}},
        {"manager": {"task_timeout": 0}},
        {"debug": "yes"},
    ],
)
def test_what_is_refused_does_not_fit(content: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, json_schema())


def _defaults() -> dict[str, Any]:
    return Xcorecfg().model_dump(mode="json")
