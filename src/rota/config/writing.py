"""Writing a configuration to a file, all or nothing."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rota.config.sections import Checked
from rota.errors import ConfigError
from rota.runtime import private_files

if TYPE_CHECKING:
    from rota.config.model import Xcorecfg


def write(config: Xcorecfg, path: str | Path) -> None:
    """Write the values that `config` was given to `path` in one step; raises ConfigError."""
    try:
        text = json.dumps(_given(config), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        _replace(Path(path).resolve(), text.encode())
    except OSError as error:
        raise ConfigError(
            f"cannot be written ({error.strerror}).",
            where=str(path),
            remedy="Check the directory, its permissions and the free space.",
        ) from None
    except ValueError as error:
        raise ConfigError(
            f"a value cannot be written as JSON ({error}).",
            where=str(path),
            remedy="Keep to texts, numbers, true/false, lists and dicts.",
        ) from None


def _given(config: Xcorecfg) -> dict[str, Any]:
    """Return the values that were set or differ from the defaults; an editor's "$schema" first."""
    values = config.model_dump(mode="json")
    defaults = type(config)().model_dump(mode="json")
    kept = {key: value for key, value in values.items() if key == "$schema"}
    for key, value in values.items():
        inner = getattr(config, key) if key in defaults else None
        if isinstance(inner, Checked):
            value = _changed(value, defaults[key], inner.model_fields_set)
            if not value:
                continue
        elif key in defaults and key not in config.model_fields_set and value == defaults[key]:
            continue
        kept[key] = value
    return kept


def _changed(values: dict[str, Any], defaults: dict[str, Any], given: set[str]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if k in given or v != defaults[k]}


def _replace(path: Path, content: bytes) -> None:
    """Replace `path` by a new file with its permissions, never by half of one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(draft, "wb", opener=private_files.opener) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
