"""Whatever a config file or variable holds: a configuration, or errors that help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rota.config import Xcorecfg
from rota.errors import ConfigError, Mistakes

SECTIONS = {
    name: list(field.annotation.model_fields)
    for name, field in Xcorecfg.model_fields.items()
    if isinstance(field.annotation, type) and hasattr(field.annotation, "model_fields")
}
KEYS = sorted({*Xcorecfg.model_fields, *(key for keys in SECTIONS.values() for key in keys)})
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=5)
    ),
    max_leaves=10,
)
CONTENTS = st.dictionaries(st.sampled_from(KEYS) | st.text(), VALUES, max_size=6)
NAMES = st.lists(st.sampled_from([*KEYS, "", "x"]), min_size=1, max_size=3)
ENVIRONMENTS = st.dictionaries(
    NAMES.map(lambda path: "XCORE_" + "__".join(path).upper()),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | SCALARS.map(str),
    max_size=3,
)
lenient = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def outcome(environ: dict[str, str]) -> Xcorecfg | None:
    try:
        return Xcorecfg.from_file("config.json", environ=environ)
    except (ConfigError, Mistakes) as error:
        for each in getattr(error, "errors", [error]):
            assert each.where
            assert each.what
        return None


@lenient
@given(content=CONTENTS, environ=ENVIRONMENTS)
def test_any_object_is_read_and_written_again_or_explained(
    content: dict[str, Any], environ: dict[str, str]
) -> None:
    Path("config.json").write_text(json.dumps(content))
    config = outcome(environ)
    if config is not None:
        assert repr(config)
        assert config.sources()
        config.to_file("config.json")
        again = outcome({})
        assert again is not None
        assert again.model_dump() == config.model_dump()


@lenient
@given(content=st.binary() | st.text(alphabet='{}[]":,0.eEntf\\u \n').map(str.encode))
def test_any_bytes_are_read_or_explained(content: bytes) -> None:
    Path("config.json").write_bytes(content)
    outcome({})
