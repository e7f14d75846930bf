"""The fields of a run's form besides its arguments: its time, its key, its own options."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from rota.core.ports.records import OnConflict
from rota.web.problems import Problem

FIELDS = (
    *("run_at", "delay", "key", "on_conflict", "priority", "queue", "max_retries", "timeout"),
    "tags",
)

_NUMBERS = {"delay": float, "priority": int, "max_retries": int, "timeout": float}


def options(form: Mapping[str, str]) -> dict[str, Any]:
    """Return the options that are filled in, as `TaskManager.enqueue` takes them; raises Problem,
    which names each field with a bad value.

    `delay` is a number of `delay_unit` seconds, and `tags` are separated by commas. What a key that
    is taken does is left out if there is no key.
    """
    found: dict[str, Any] = {}
    errors: list[dict[str, str]] = []
    for name in FIELDS:
        text = form.get(name, "").strip()
        if not text:
            continue
        try:
            found[name] = _read(name, text)
            if name == "delay":
                found[name] *= float(form.get("delay_unit") or 1)
        except (ValueError, OverflowError):
            what = "a time" if name == "run_at" else "a number"
            if _NUMBERS.get(name) is int:
                what = "a whole number"
            errors.append({"detail": f"{text[:100]!r} is not {what}", "where": name, "remedy": ""})
    if errors:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "; ".join(f"{one['where']}: {one['detail']}" for one in errors) + ".",
            kind="invalid",
            remedy="Correct it, or leave the field empty.",
            errors=errors,
        )
    if "key" not in found:
        found.pop("on_conflict", None)
    return found


def _read(name: str, text: str) -> Any:
    if name == "run_at":
        return datetime.fromisoformat(text)  # without a zone: that of the task
    if name == "on_conflict":
        return OnConflict(text)
    if name == "tags":
        return [one.strip() for one in text.split(",") if one.strip()]
    number = _NUMBERS.get(name)
    return text if number is None else number(text)
