"""The result of a function, as JSON of a bounded size."""

from __future__ import annotations

import json
from typing import Any

from rota.core.json_depth import is_too_deep
from rota.definitions.arguments.parameters import parameters_of
from rota.errors import ResultError

MOST_BYTES = 64 * 1024
_MOST_SHOWN = 2_000  # characters of what is too long to be kept


def jsonable(value: Any, func: Any = None) -> Any:
    """Return what `func` returned as JSON gives it back: by its return annotation, else by value.

    What takes more than 64 KiB, or is nested more than 100 levels deep, becomes the beginning of
    its JSON text. Raises ResultError for what has no JSON form.
    """
    try:
        try:
            text = _written(value)
        except (TypeError, ValueError):
            text = _written(_by_value(value, func))
        size = len(text) if text.isascii() else len(text.encode())
        if size > MOST_BYTES:
            return _beginning(text)
        kept = json.loads(text)
    except Exception as error:  # anything may happen in classes that are not rota's
        raise ResultError(
            f"the function ended, and what it returned (of type {type(value).__name__}) has no JSON"
            f" form: {_why(error)}. So the run failed, and is not tried again.",
            remedy="Return numbers, texts, lists, dicts, dates, dataclasses or models, or nothing.",
        ) from None
    return _beginning(text) if is_too_deep(kept) else kept


def _written(value: Any) -> str:
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    if not text.isascii():
        text.encode()  # half a surrogate pair is no text
    return text


def _by_value(value: Any, func: Any) -> Any:
    from pydantic_core import to_jsonable_python

    if func is not None:
        form = parameters_of(func).returned
        if not form.is_plain:
            try:
                return form.dumped(value)
            except Exception:  # the annotation says another thing than what was returned
                pass
    return to_jsonable_python(value, bytes_mode="base64", inf_nan_mode="constants")


def _beginning(text: str) -> str:
    if len(text) <= _MOST_SHOWN:
        return text
    return f"{text[:_MOST_SHOWN]}… ({len(text):,} characters)"


def _why(error: Exception) -> str:
    try:
        return " ".join(str(error).split())[:300] or type(error).__name__
    except Exception:
        return type(error).__name__
