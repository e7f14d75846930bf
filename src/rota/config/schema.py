"""The JSON schema of `config.json`, made from the model, for completion and checks in editors."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from rota.config.model import Xcorecfg


class _Untitled(GenerateJsonSchema):
    """A generator without the titles that pydantic derives from the keys: they add nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12); every key has a description with its unit."""
    made = Xcorecfg.model_json_schema(schema_generator=_Untitled)
    made["properties"]["$schema"] = {"type": "string", "description": "Path of this schema."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rota configuration",
        "description": "Settings of rota. Unknown top-level keys are the application's own.",
        **{key: value for key, value in made.items() if key not in ("title", "description")},
    }


def text() -> str:
    """Return the schema as the text of its file, `docs/reference/config.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
