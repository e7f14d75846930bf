from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import rota.config
from rota.config import Xcorecfg
from rota.errors import ConfigError, Mistakes

Write = Callable[[Any], Path]
Refused = Callable[..., list[ConfigError]]


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test in an empty directory, without XCORE_ variables, without a process config."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("XCORE_")]:
        monkeypatch.delenv(name)
    yield
    rota.config.use(None)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write text, bytes or an object as JSON to config.json."""

    def write(content: Any) -> Path:
        path = tmp_path / "config.json"
        if not isinstance(content, bytes):
            text = content if isinstance(content, str) else json.dumps(content, indent=1)
            content = text.encode()
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def refused(write: Write) -> Refused:
    """Return the mistakes that reading this content (and environment) ends with."""

    def refused(content: Any = None, **environ: str) -> list[ConfigError]:
        write({} if content is None else content)
        with pytest.raises((ConfigError, Mistakes)) as caught:
            Xcorecfg.from_file("config.json", environ=environ)
        error = caught.value
        errors = list(error.errors) if isinstance(error, Mistakes) else [error]
        assert all(isinstance(each, ConfigError) for each in errors)
        return errors  # type: ignore[return-value]

    return refused
